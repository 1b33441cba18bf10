import { describe, expect, it } from "vitest";

import { labelFrom, labelSource, tagsOf, tagsText, withRole, withUnit, type Settings } from "./roles";

const plain: Settings = {
  columns: [],
  decimal: null,
  delimiter: null,
  encoding: null,
  format: null,
  hmac_key: null,
  ignore_columns: [],
  label_from: null,
  rate_hz: null,
  recording_column: null,
  sheet: null,
  skip_lines: null,
  skip_refused: false,
  tags: {},
  tags_from: null,
  target_columns: [],
  time: null,
  time_unit: null,
  units: {},
  window_axes: [],
};

describe("a role", () => {
  it("is one option of the import, and takes the column out of all others", () => {
    let settings = withRole(plain, "a", "target");
    settings = withRole(settings, "a", "ignored");
    expect([settings.target_columns, settings.ignore_columns]).toEqual([[], ["a"]]);
    settings = withRole(settings, "a", "label");
    expect([settings.ignore_columns, settings.label_from]).toEqual([[], "column:a"]);
    settings = withRole(settings, "a", "recording");
    expect([settings.label_from, settings.recording_column]).toEqual(["none", "a"]);
    settings = withRole(settings, "a", "channel");
    expect(settings.recording_column).toBeNull();
  });

  it("goes over to another column where only one can have it", () => {
    const settings = withRole({ ...plain, time: "t", time_unit: "ms" }, "u", "time");
    expect([settings.time, settings.time_unit]).toEqual(["u", null]);
  });

  it("takes the unit of times along, and forgets that there was no rate for want of times", () => {
    const without = withRole({ ...plain, time: "t", time_unit: "ms" }, "t", "channel");
    expect([without.time, without.time_unit]).toEqual([null, null]);
    expect(withRole({ ...plain, rate_hz: "none" }, "t", "time").rate_hz).toBeNull();
    expect(withRole({ ...plain, rate_hz: "100" }, "t", "time").rate_hz).toBe("100");
  });

  it("takes the unit along only where there are values", () => {
    const settings = withUnit(plain, "a", " g ");
    expect(settings.units).toEqual({ a: "g" });
    expect(withRole(settings, "a", "target").units).toEqual({ a: "g" });
    expect(withRole(settings, "a", "ignored").units).toEqual({});
    expect(withUnit(settings, "a", "").units).toEqual({});
  });

  it("does not change the options that it was given", () => {
    const given = { ...plain, ignore_columns: ["a"] };
    withRole(given, "a", "channel");
    expect(given.ignore_columns).toEqual(["a"]);
  });
});

describe("the source of labels", () => {
  it("is read from the option and written back", () => {
    for (const option of ["folder", "filename", "filename:{load}_{label}", "column:a:b", "value:worn", "none", null]) {
      expect(labelFrom(labelSource(option))).toBe(option);
    }
  });

  it("is none as long as something is missing", () => {
    expect(labelFrom({ source: "value", detail: "" })).toBeNull();
    expect(labelFrom({ source: "pattern", detail: "" })).toBeNull();
  });
});

describe("tags", () => {
  it("are read as people write them", () => {
    expect(tagsOf("machine=pump3, load = 40\nnote=a=b,")).toEqual({
      tags: { machine: "pump3", load: "40", note: "a=b" },
    });
    expect(tagsText({ a: "1", b: "2" })).toBe("a=1, b=2");
  });

  it("are refused where there is no name or no value", () => {
    expect(tagsOf("machine").fault).toContain("machine");
    expect(tagsOf("=3").fault).toBeDefined();
    expect(tagsOf("a=").fault).toBeDefined();
  });
});
