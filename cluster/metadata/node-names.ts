/** What a node may be called: as `node.id` of the configuration. */

export const isNodeName = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,31}$/.test(text);
