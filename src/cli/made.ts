import type { Setting } from "./profile-file.ts";

/** What a command has put on the disk, for whoever clears up behind it; nothing of it is secret. */
export type Made =
  | {
      readonly kind: "identity";
      readonly path: string;
      /** Whether the folder is our own as well (see identity-path). */
      readonly ownFolder: boolean;
      readonly publicKey: string;
    }
  | { readonly kind: "kept"; readonly path: string }
  | {
      readonly kind: "profile";
      readonly path: string;
      readonly name: string;
      readonly settings: readonly Setting[];
    };
