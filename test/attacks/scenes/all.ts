import { eventGrants, eventScenes, eventTables } from "./events.ts";
import { forkGrants, forkScenes } from "./forks.ts";
import { jobGrants, jobScenes } from "./jobs.ts";
import { nameGrants, nameScenes, nameTables } from "./names.ts";
import { peopleGrants, peopleScenes } from "./people.ts";
import { refGrants, refScenes } from "./refs.ts";
import { repositoryGrants, repositoryScenes } from "./repositories.ts";
import { type Scenes, scenesOf } from "./scene.ts";
import { workflowGrants, workflowScenes, workflowTables } from "./workflows.ts";

/** The grants of all scenes; each scene asks for the role of one of them, so that none is in another's way. */
export const allGrants = [
  ...eventGrants,
  ...forkGrants,
  ...jobGrants,
  ...nameGrants,
  ...peopleGrants,
  ...refGrants,
  ...repositoryGrants,
  ...workflowGrants,
];

/** All scenes, by their theme. */
export const allScenes: Readonly<Record<string, Scenes>> = {
  events: { ...eventScenes, ...scenesOf(eventTables, 4) },
  forks: forkScenes,
  jobs: jobScenes,
  names: { ...nameScenes, ...scenesOf(nameTables) },
  people: peopleScenes,
  refs: refScenes,
  repositories: repositoryScenes,
  workflows: { ...workflowScenes, ...scenesOf(workflowTables, 4) },
};
