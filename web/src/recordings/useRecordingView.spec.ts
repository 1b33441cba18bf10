import { expect, it } from "vitest";

import { shownOf, viewOf } from "./useRecordingView";

it("looks at the rows of the address, or at all where it names none that are there", () => {
  expect(viewOf({ from: "10", to: "20" }, 100)).toEqual({ from: 10, to: 20 });
  expect(viewOf({}, 100)).toEqual({ from: 0, to: 100 });
  for (const query of [{ from: "20", to: "10" }, { from: "-1" }, { to: "101" }, { from: "x" }, { from: "1.5" }]) {
    expect(viewOf(query, 100)).toEqual({ from: 0, to: 100 });
  }
});

it("shows the channels of the address, or the first ones", () => {
  expect([...shownOf({ channels: "2,0,9,x" }, 4)]).toEqual([2, 0]);
  expect(shownOf({ channels: "" }, 4).size).toBe(0);
  expect(shownOf({}, 52).size).toBe(8);
});
