import { test } from "vitest";
import { useBench } from "../harness/bench.ts";
import { expectToPass, faultBench, passingFaults } from "../harness/fault-scene.ts";

const bench = useBench(faultBench);

test.for([...passingFaults("renewal"), ...passingFaults("token")])(
  "of a $journey, $name is $what for a while: asked again, the job gets one session (F-03, F-04, F-05)",
  (passing) => expectToPass(bench(), passing),
);
