import { Bench, type BenchOptions } from "./bench.ts";

/**
 * Runs what waits much on a bench of its own, so that the tests of a file can wait side by side, and
 * checks what holds after every test.
 */
export function alone(
  act: (bench: Bench) => Promise<void>,
  options: BenchOptions = {},
): () => Promise<void> {
  return async () => {
    const bench = await Bench.start(options);
    try {
      bench.begin();
      await act(bench);
      await bench.check();
    } finally {
      await bench.stop();
    }
  };
}
