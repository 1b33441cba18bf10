// What of a recording is looked at, kept in the address: rows in view and channels that are shown.
import { computed, ref, watch } from "vue";
import { useRoute, useRouter } from "vue-router";

import type { Range } from "./labels";

/** Channels that are shown at once where nothing else is asked for. */
export const CHANNELS_SHOWN = 8;
const PAUSE_MS = 300;

/** The rows that an address names, within the recording. */
export function viewOf(query: { from?: unknown; to?: unknown }, rows: number): Range {
  const [from, to] = [Number(query.from ?? 0), Number(query.to ?? rows)];
  const usable = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= rows && to > from;
  return usable ? { from, to } : { from: 0, to: rows };
}

/** The channels that an address names, by position, in their order. */
export function shownOf(query: { channels?: unknown }, count: number): Set<number> {
  const named = typeof query.channels === "string" ? query.channels.split(",") : undefined;
  const usable = named?.filter((place) => /^\d+$/.test(place) && Number(place) < count);
  const positions = usable ?? Array.from({ length: Math.min(count, CHANNELS_SHOWN) }, (_, place) => `${place}`);
  return new Set(positions.map(Number));
}

export function useRecordingView(rows: number, channels: number) {
  const route = useRoute();
  const router = useRouter();
  const view = ref<Range>(viewOf(route.query, rows));
  const shown = ref(shownOf(route.query, channels));
  const usual = shownOf({}, channels);

  const query = computed(() => {
    const { from, to } = view.value;
    const same = shown.value.size === usual.size && [...shown.value].every((place) => usual.has(place));
    return {
      ...(from === 0 && to === rows ? {} : { from: `${from}`, to: `${to}` }),
      ...(same ? {} : { channels: [...shown.value].sort((a, b) => a - b).join(",") }),
    };
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const here = route.path;
  watch(query, (next) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const { path, query } = router.currentRoute.value;
      if (path !== here) return;
      void router.replace({ query: query.set === undefined ? next : { set: query.set, ...next } });
    }, PAUSE_MS);
  });

  function toggle(place: number) {
    const next = new Set(shown.value);
    if (!next.delete(place)) next.add(place);
    shown.value = next;
  }
  return { view, shown, toggle };
}
