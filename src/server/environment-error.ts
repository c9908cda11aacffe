/** What is wrong with the environment that a broker was started in, or with its flags. */
export class EnvironmentError extends Error {
  override name = "EnvironmentError";
}
