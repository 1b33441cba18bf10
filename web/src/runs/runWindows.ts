// The windows of a run with answers and truth: by page for lists, by recording for plots.
import { answer, api, type Schemas } from "../api/client";

export type RunWindow = Schemas["RunWindow"];

/** Which windows are asked for. */
export interface WindowsAsked {
  part?: Schemas["Part"];
  recording?: string;
  truth?: string;
  answer?: string;
}

/** The most windows of a recording that a plot shows. */
export const PLOTTED_MAX = 20_000;

const PAGE_MAX = 10_000;

/** One page. */
export function windowsPage(
  id: string,
  asked: WindowsAsked,
  cursor?: string,
  limit?: number,
): Promise<Schemas["Paged_RunWindow"]> {
  const query = { ...asked, cursor, limit };
  return answer(api.GET("/api/training/runs/{id}/windows", { params: { path: { id }, query } }));
}

/** A recording's windows in the order of time; `more` says that there are others. */
export async function recordingWindows(
  id: string,
  recording: string,
): Promise<{ windows: RunWindow[]; more: boolean }> {
  const windows: RunWindow[] = [];
  let cursor: string | undefined;
  do {
    const page = await windowsPage(id, { recording }, cursor, PAGE_MAX);
    windows.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor && windows.length < PLOTTED_MAX);
  return { windows, more: cursor !== undefined };
}

/** Names a window within its run. */
export function windowKey(window: RunWindow): string {
  return `${window.recording_id}:${window.from_row}`;
}

/** Whether times of windows count from 1970; from the recording's start otherwise. */
export function isDated(window: RunWindow | undefined): boolean {
  return window !== undefined && window.start.includes("T");
}

/** A window's time in seconds, from 1970 or from the recording's start. */
export function secondsOf(time: string): number {
  return time.includes("T") ? Date.parse(time) / 1000 : Number(time);
}

/** What the model answered, as the list of windows asks for it. */
export function answerOf(window: RunWindow): string {
  if (window.class != null) return window.class;
  return window.alarm ? "anomaly" : "normal";
}
