// Samples of a recording for a plot: a little wider than the view and at a step that is a power of two,
// so that panning finds points and keeps their shape. What is there stays until the next has come.
import { onScopeDispose, shallowRef, watch, type ShallowRef } from "vue";

import { answer, api, type Schemas } from "../../api/client";
import { ApiProblem } from "../../api/problem";

/** Rows of a recording: the first, and the first after the last. */
export interface View {
  from: number;
  to: number;
}

/** Points of some rows; `step` rows make one point. */
export interface Tile extends View {
  step: number;
}

const PAUSE_MS = 40;
const POINTS_MAX = 16_000;

/** The rows to ask for, for a view that is so many pixels wide. */
export function tileFor(view: View, rows: number, pixels: number): Tile {
  const size = Math.max(view.to - view.from, 1);
  const step = 2 ** Math.max(0, Math.ceil(Math.log2(size / Math.min(Math.max(pixels, 100), POINTS_MAX / 2))));
  const from = Math.max(0, Math.floor((view.from - size / 2) / step) * step);
  const to = Math.min(rows, Math.ceil((view.to + size / 2) / step) * step);
  return { from, to, step };
}

/** Whether points that are there show a view as well as new ones would. */
export function shows(there: Tile | undefined, view: View, wanted: Tile): boolean {
  return there !== undefined && there.step === wanted.step && there.from <= view.from && there.to >= view.to;
}

/** What a plot asks for. */
export interface Asked {
  id: string;
  rows: number;
  view: View;
  channels: string[];
  pixels: number;
}

/** The points in view, and those of the whole recording. */
export function useSamples(asked: () => Asked): {
  points: ShallowRef<Schemas["Decimated"] | undefined>;
  whole: ShallowRef<Schemas["Decimated"] | undefined>;
  problem: ShallowRef<ApiProblem | undefined>;
  again: () => void;
} {
  const points = shallowRef<Schemas["Decimated"]>();
  const whole = shallowRef<Schemas["Decimated"]>();
  const problem = shallowRef<ApiProblem>();
  let there: (Tile & { key: string }) | undefined;
  let wholeKey = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let flying: AbortController | undefined;

  const get = (id: string, tile: Tile, channels: string[], signal: AbortSignal) => {
    const query = {
      from_row: tile.from,
      to_row: tile.to,
      points: Math.ceil((tile.to - tile.from) / tile.step),
      channels: channels.join(","),
    };
    return answer(api.GET("/api/data/recordings/{id}/samples", { params: { path: { id }, query }, signal }));
  };
  const ask = async () => {
    flying?.abort();
    const { id, rows, view, channels, pixels } = asked();
    if (channels.length === 0 || rows === 0) return;
    const mine = (flying = new AbortController());
    const key = `${id} ${channels.join(",")}`;
    const tile = tileFor(view, rows, pixels);
    const all = tileFor({ from: 0, to: rows }, rows, pixels);
    try {
      if (wholeKey !== key) {
        const found = await get(id, all, channels, mine.signal);
        if (mine.signal.aborted) return;
        [whole.value, wholeKey] = [found, key];
      }
      if (shows({ ...all }, view, tile)) {
        [points.value, there] = [whole.value, { ...all, key }];
      } else if (there?.key !== key || !shows(there, view, tile)) {
        const found = await get(id, tile, channels, mine.signal);
        if (mine.signal.aborted) return;
        [points.value, there] = [found, { ...tile, key }];
      }
      problem.value = undefined;
    } catch (error) {
      if (!mine.signal.aborted) problem.value = ApiProblem.from(error);
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), points.value ? PAUSE_MS : 0);
  };
  watch(asked, soon, { immediate: true });
  onScopeDispose(() => {
    clearTimeout(timer);
    flying?.abort();
  });
  return { points, whole, problem, again: () => void ask() };
}
