// Who is signed in.
import { shallowRef } from "vue";

import { api, answer, type Schemas } from "../api/client";

/** The user, once that is known. */
export const user = shallowRef<Schemas["SignedIn"]>();

/**
 * Whether the role of whoever is signed in allows this: what it does not allow is not offered, and the
 * trainer refuses it in any case.
 */
export function may(what: Schemas["Scope"] | "users"): boolean {
  if (what === "users") return user.value?.role === "admin";
  return user.value?.may.includes(what) ?? false;
}

/** Why somebody who was signed in has to sign in again. */
export const signedOutBecause = shallowRef<"ended" | "password">();

/** Whether somebody is signed in; asks the trainer where it is not known yet. */
export async function signedIn(): Promise<boolean> {
  if (user.value) return true;
  const { data, response } = await api.GET("/api/session").catch(() => ({ data: undefined, response: undefined }));
  user.value = data;
  // A trainer that does not answer is told by the page itself, which asks and is refused.
  return response === undefined || response.ok;
}

/** Signs in. */
export async function signIn(name: string, password: string): Promise<void> {
  user.value = await answer(api.POST("/api/session", { body: { name, password } }));
  signedOutBecause.value = undefined;
}

/** Signs out. */
export async function signOut(): Promise<void> {
  await answer(api.DELETE("/api/session"));
  user.value = undefined;
}

/** Changes one's own password, which ends all sessions, this one too. */
export async function changePassword(old_password: string, new_password: string): Promise<void> {
  await answer(api.PUT("/api/session/password", { body: { old_password, new_password } }));
  user.value = undefined;
  signedOutBecause.value = "password";
}

/** The trainer knows nobody any more: the session has ended. */
export function forget(): void {
  if (user.value) signedOutBecause.value = "ended";
  user.value = undefined;
}
