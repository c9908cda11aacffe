import { armor, Decrypter, Encrypter, type Identity, type Recipient } from "age-encryption";

/**
 * Encrypts text so that only the holder of the recipient's private half can read it.
 *
 * @param recipient an age recipient: `age1…`, or one whose key agreement is native.
 * @returns an armored age file (https://age-encryption.org/v1).
 */
export async function seal(recipient: string | Recipient, plaintext: string): Promise<string> {
  return armor.encode(await sealBinary(recipient, plaintext));
}

/** As {@link seal}, without the armor. */
export function sealBinary(recipient: string | Recipient, plaintext: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(plaintext);
}

/** An age file that is not what it should be, or not for this identity. */
export class UnsealError extends Error {
  override name = "UnsealError";
}

/**
 * Decrypts an armored age file with exactly one X25519 stanza. The whole file is verified before any
 * of it is returned; passphrase stanzas, whose work factor could burn minutes, are refused (C-14).
 *
 * @param identity an age identity: `AGE-SECRET-KEY-1…`.
 */
export async function open(identity: string | Identity, armored: string): Promise<string> {
  try {
    const file = armor.decode(armored);
    assertOneX25519Stanza(file);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    return await textOf(await decrypter.decrypt(new Blob([file as BlobPart]).stream()));
  } catch (error) {
    throw error instanceof UnsealError
      ? error
      : new UnsealError("the age file cannot be opened with this identity", { cause: error });
  }
}

function assertOneX25519Stanza(file: Uint8Array): void {
  const header = new TextDecoder("latin1").decode(file.subarray(0, 1024));
  const end = header.indexOf("\n---");
  const stanzas = header.slice(0, Math.max(end, 0)).match(/\n-> [^\n]*/g) ?? [];
  if (stanzas.length !== 1 || !stanzas[0]?.startsWith("\n-> X25519 ")) {
    throw new UnsealError("the age file must be for one X25519 recipient");
  }
}

/** All of it or nothing: a damaged end fails the whole. By hand, since asking age for text loads all of fetch. */
async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
