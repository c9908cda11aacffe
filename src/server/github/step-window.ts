import type { StepWindow } from "../../core/proof.ts";

/** When GitHub says that a step ran. */
export function windowOf(step: {
  started_at?: string | null | undefined;
  completed_at?: string | null | undefined;
}): StepWindow {
  return { from: timeOf(step.started_at), to: timeOf(step.completed_at) };
}

function timeOf(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}
