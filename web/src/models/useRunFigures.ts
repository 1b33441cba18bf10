// The main figure of runs, as the API says it, by the run's identifier.
import { allPages, answer, api, type Schemas } from "../api/client";
import { useResource } from "../ui/useResource";

/** All runs' main figures. */
export function useRunFigures() {
  return useResource(async () => {
    const runs = await allPages((cursor) =>
      answer(api.GET("/api/training/runs", { params: { query: { limit: 200, ...(cursor ? { cursor } : {}) } } })),
    );
    const figures = new Map<string, Schemas["Figure"]>();
    for (const run of runs) {
      const [main] = run.figures;
      if (main) figures.set(run.id, main);
    }
    return figures;
  });
}
