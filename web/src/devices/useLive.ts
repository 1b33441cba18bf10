// What happens on devices right now, by server-sent events: devices, deployments, results.
import { onScopeDispose, ref, shallowReactive, shallowRef } from "vue";

import type { Schemas } from "../api/client";
import { useEvents } from "../api/events";
import { edgeResult, type EdgeResult } from "./results";
import { learnSilence } from "./standing";

/** The newest results of one stream, newest last. */
export interface LiveStream {
  device_id: string;
  stream: string;
  received_ms: number;
  results: EdgeResult[];
}

/** Results are shown at most this often, in milliseconds: a page that draws more often shows no more. */
const SHOW_MS = 200;

/** Most results that wait to be shown. */
const WAITING_MAX = 5000;

/** Adds results to their streams; keeps the newest, and each only once. */
export function take(streams: Map<string, LiveStream>, events: readonly Schemas["DeviceResult"][], keep: number): void {
  const changed = new Map<string, LiveStream>();
  for (const event of events) {
    const key = `${event.device_id}/${event.stream}`;
    const before = changed.get(key) ?? streams.get(key);
    const result = edgeResult(event);
    const results = changed.has(key) ? (before?.results ?? []) : [...(before?.results ?? [])];
    if (results.some(({ id }) => id === result.id)) continue;
    results.push(result);
    if (results.length > keep) results.shift();
    changed.set(key, { device_id: event.device_id, stream: event.stream, received_ms: event.received_ms, results });
  }
  for (const [key, stream] of changed) streams.set(key, stream);
}

/** Follows all devices, or one. `keep` is the number of results kept of each stream. */
export function useLive({ device, keep = 60 }: { device?: string; keep?: number } = {}) {
  const broker = shallowRef<Schemas["BrokerStanding"]>();
  const devices = shallowReactive(new Map<string, Schemas["Device"]>());
  const deployments = shallowReactive(new Map<string, Schemas["Deployment"]>());
  const streams = shallowReactive(new Map<string, LiveStream>());
  /** Events that did not reach the page because it was too slow. */
  const dropped = ref(0);
  let waiting: Schemas["DeviceResult"][] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const show = () => {
    timer = undefined;
    const events = waiting;
    waiting = [];
    take(streams, events, keep);
  };
  // Refused, it says no more than the stream below, which shows its refusal and is asked for again.
  learnSilence().catch(() => undefined);
  const query = device ? `?device=${encodeURIComponent(device)}` : "";
  const { connected, problem } = useEvents(`/api/devices/events${query}`, {
    broker: (standing: Schemas["BrokerStanding"]) => (broker.value = standing),
    device: (changed: Schemas["Device"]) => devices.set(changed.id, changed),
    deployment: (changed: Schemas["Deployment"]) => deployments.set(changed.id, changed),
    result: (event: Schemas["DeviceResult"]) => {
      if (waiting.length >= WAITING_MAX) {
        waiting.shift();
        dropped.value += 1;
      }
      waiting.push(event);
      timer ??= setTimeout(show, SHOW_MS);
    },
    lagged: (lag: { dropped: number }) => (dropped.value += lag.dropped),
  });
  onScopeDispose(() => clearTimeout(timer));
  return { broker, devices, deployments, streams, dropped, connected, problem };
}
