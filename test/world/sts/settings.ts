/** A role that may be assumed, as its trust policy has it. */
export interface Role {
  /** Demanded of the caller when set. */
  externalId?: string;
  /** Seconds. */
  maxSessionDuration?: number;
  /** false: the trust policy lacks sts:TagSession. */
  tagSession?: boolean;
}

/** How STS decides; tests change it at any time. */
export interface Settings {
  readonly roles: Map<string, Role>;
  /** Whether roles that are not in `roles` may be assumed as well. */
  anyRole: boolean;
  /** For roles that say nothing of it. */
  maxSessionDuration: number;
  /** The caller runs on a role itself. */
  chained: boolean;
  /** In lower case: keys of transitive tags that the caller's own session carries. */
  readonly inheritedTagKeys: Set<string>;
  /** Bytes of tags and policies that make 100 %. */
  packedLimit: number;
  callerArn: string;
}
