import { expect, it } from "vitest";

import { STEPS_MAX, useHistory } from "./history";

it("goes back and forth, and forgets what was undone at the next step", () => {
  const history = useHistory("a");
  history.push("b");
  history.push("c");
  history.undo();
  history.undo();
  expect(history.current.value).toBe("a");
  expect(history.undoable.value).toBe(false);
  history.undo();
  expect(history.current.value).toBe("a");
  history.redo();
  expect(history.current.value).toBe("b");
  history.push("d");
  expect(history.redoable.value).toBe(false);
  history.undo();
  expect(history.current.value).toBe("b");
});

it("keeps a bounded number of steps", () => {
  const history = useHistory(0);
  for (let step = 1; step <= STEPS_MAX + 10; step += 1) history.push(step);
  for (let step = 0; step < STEPS_MAX + 10; step += 1) history.undo();
  expect(history.current.value).toBe(10);
});
