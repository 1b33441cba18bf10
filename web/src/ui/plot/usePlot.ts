// One uPlot in a component: made when the element is there, made anew when options or colours
// change, as wide as its place.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onBeforeUnmount, onMounted, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import { resolved } from "../series";
import { themeChanges } from "../theme";

/** Colours of what is around the data, as a canvas takes them. */
export interface Ink {
  text: string;
  muted: string;
  line: string;
  surface: string;
}

export function ink(): Ink {
  return {
    text: resolved("--text"),
    muted: resolved("--muted"),
    line: resolved("--line"),
    surface: resolved("--surface"),
  };
}

/** An axis in the console's type and colours. */
export function axis(colours: Ink, more: uPlot.Axis): uPlot.Axis {
  return {
    stroke: colours.muted,
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
    labelSize: 20,
    grid: { stroke: colours.line, width: 1 },
    ticks: { stroke: colours.line, width: 1, size: 4 },
    ...more,
  };
}

/**
 * Keeps a plot in `place`. `options` is asked anew when one of `shape` or the theme changes, `data` is set
 * whenever it changes.
 */
export function usePlot(
  place: Readonly<ShallowRef<HTMLElement | null>>,
  options: () => Omit<uPlot.Options, "width">,
  data: () => uPlot.AlignedData,
  shape: () => unknown,
): Ref<uPlot | undefined> {
  const plot = shallowRef<uPlot>();
  const make = () => {
    plot.value?.destroy();
    plot.value = undefined;
    if (!place.value) return;
    const width = Math.max(place.value.clientWidth, 100);
    plot.value = new uPlot({ ...options(), width }, data(), place.value);
  };
  const observer = new ResizeObserver(() => {
    const width = place.value?.clientWidth ?? 0;
    if (plot.value && width > 0 && width !== plot.value.width) {
      plot.value.setSize({ width, height: plot.value.height });
    }
  });
  onMounted(() => {
    make();
    if (place.value) observer.observe(place.value);
  });
  onBeforeUnmount(() => {
    observer.disconnect();
    plot.value?.destroy();
  });
  watch([shape, themeChanges], make);
  watch(data, (next) => plot.value?.setData(next, false));
  return plot;
}
