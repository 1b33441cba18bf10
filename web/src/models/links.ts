// Where models and their versions are found.
import type { RouteLocationRaw } from "vue-router";

export function modelLink(name: string): RouteLocationRaw {
  return { name: "model", params: { name } };
}

export function versionLink(name: string, number: number): RouteLocationRaw {
  return { name: "version", params: { name, number } };
}
