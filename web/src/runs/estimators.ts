// The catalogue of estimators, asked once: what they are called wherever runs are named.
import { answer, api, type Schemas } from "../api/client";
import { useResource, type Resource } from "../ui/useResource";

let known: Promise<Schemas["EstimatorInfo"][]> | undefined;

/** The catalogue; it changes only with the trainer's version. */
export function useEstimators(): Resource<Schemas["EstimatorInfo"][]> {
  return useResource(() => {
    known ??= answer(api.GET("/api/training/estimators")).then(({ items }) => items);
    known.catch(() => (known = undefined));
    return known;
  });
}

/** An estimator's name for people. */
export function titleOf(estimators: readonly Schemas["EstimatorInfo"][] | undefined, name: string): string {
  return estimators?.find((estimator) => estimator.name === name)?.title ?? name;
}
