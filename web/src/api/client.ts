// The trainer's API, typed by the OpenAPI document that the trainer itself generates.
import createClient from "openapi-fetch";

import { noteTrainerTime } from "../ui/now";
import { ApiProblem } from "./problem";
import type { components, paths } from "./schema";

/** The schemas of the API by name. */
export type Schemas = components["schemas"];

/** Requests by method and path. */
export const api = createClient<paths>({ baseUrl: "/" });

api.use({
  onResponse({ response }) {
    const date = response.headers.get("date");
    if (date) noteTrainerTime(Date.parse(date));
  },
});

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

type Listener = () => void;
let signedOut: Listener = () => {};

/** Says what happens once the trainer no longer knows who asks. */
export function onSignedOut(listener: Listener): void {
  signedOut = listener;
}

/** The answer's content; throws an ApiProblem where there is none. */
export async function answer<T>(request: Promise<Answered<T>>): Promise<T> {
  let answered: Answered<T>;
  try {
    answered = await request;
  } catch (error) {
    throw ApiProblem.from(error);
  }
  const { data, error, response } = answered;
  if (response.ok) return data as T;
  const problem = ApiProblem.of(error, response);
  // A password that is wrong says nothing about the session.
  if (response.status === 401 && problem.code !== "wrong_password") signedOut();
  throw problem;
}

/** All items of a list that comes in pages, at most `limit`. */
export async function allPages<T>(
  page: (cursor: string | undefined) => Promise<{ items: T[]; next?: string | null }>,
  limit = 1000,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const found = await page(cursor);
    items.push(...found.items);
    cursor = found.next ?? undefined;
  } while (cursor && items.length < limit);
  return items;
}
