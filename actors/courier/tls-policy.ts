/**
 * Which TLS a host must or may have. A port: MTA-STS (RFC 8461) and DANE (RFC 7672) will answer it later.
 *
 * `opportunistic` does not check the certificate (RFC 7435): who could forge it could as well leave out the STARTTLS.
 * Where STARTTLS or the handshake fails, the same host is tried once more in clear. Verified it must be where a password
 * follows, and where a setting requires TLS; on loopback nobody is on the way who could pretend to be another.
 */
export type TlsMode = 'none' | 'opportunistic' | 'required';

export interface TlsDecision {
  readonly mode: TlsMode;
  /** Whether the certificate must be valid for the host's name. */
  readonly isVerified: boolean;
  /** For `AttemptResult.tls.policy`. */
  readonly name: string;
}

export interface TlsTarget {
  /** Key of the delivery domain. */
  readonly domain: string;
  /** As the MX record or the route names it. */
  readonly host: string;
  /** Of a relay or route, what its setting says; null for MX hosts. */
  readonly routeTls: TlsMode | null;
  readonly hasPassword: boolean;
  readonly isLoopback: boolean;
}

export interface TlsPolicy {
  decide(target: TlsTarget): Promise<TlsDecision>;
}

export const opportunisticTls: TlsPolicy = {
  decide({ routeTls, hasPassword, isLoopback }) {
    const mode = routeTls ?? 'opportunistic';
    const isVerified = !isLoopback && mode !== 'none' && (hasPassword || mode === 'required');
    return Promise.resolve({ mode, isVerified, name: mode });
  },
};
