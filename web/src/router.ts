// Addresses of the console: every page has one, so that it can be linked to.
import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";

import { onSignedOut, type Schemas } from "./api/client";
import { forget, signedIn } from "./session/session";

declare module "vue-router" {
  interface RouteMeta {
    /** Nobody needs to be signed in. */
    open?: boolean;
    /** What the page is for, which not every role may do. */
    needs?: { scope: Schemas["Scope"]; what: string; role: Schemas["UserRole"] };
  }
}

const IMPORT = { scope: "data", what: "import recordings", role: "annotator" } as const;
const REPAIR = { scope: "data", what: "repair recordings", role: "annotator" } as const;
const RECORD = { scope: "data", what: "record from a broker", role: "annotator" } as const;
const TRAIN = { scope: "training", what: "train models", role: "engineer" } as const;

const routes: RouteRecordRaw[] = [
  { path: "/sign-in", name: "sign-in", component: () => import("./session/SignInPage.vue"), meta: { open: true } },
  { path: "/", name: "overview", component: () => import("./overview/OverviewPage.vue") },
  { path: "/datasets", name: "datasets", component: () => import("./datasets/DatasetsPage.vue") },
  {
    path: "/datasets/-/import",
    name: "import",
    component: () => import("./datasets/ImportPage.vue"),
    meta: { needs: IMPORT },
  },
  {
    path: "/datasets/:name/overview",
    name: "dataset-overview",
    component: () => import("./datasets/DatasetOverviewPage.vue"),
    props: true,
  },
  { path: "/datasets/:name/labels", name: "labels", component: () => import("./labels/LabelsPage.vue"), props: true },
  {
    path: "/datasets/:name/repair",
    name: "repair",
    component: () => import("./repairs/RepairPage.vue"),
    props: true,
    meta: { needs: REPAIR },
  },
  {
    path: "/datasets/:name/lineage",
    name: "lineage",
    component: () => import("./repairs/LineagePage.vue"),
    props: true,
  },
  { path: "/datasets/:name", name: "dataset", component: () => import("./datasets/DatasetPage.vue"), props: true },
  {
    path: "/recordings/:id",
    name: "recording",
    component: () => import("./recordings/RecordingPage.vue"),
    props: true,
  },
  { path: "/recorders", name: "recorders", component: () => import("./recorders/RecordersPage.vue") },
  {
    path: "/recorders/-/new",
    name: "record",
    component: () => import("./recorders/RecordPage.vue"),
    meta: { needs: RECORD },
  },
  { path: "/recorders/:id", name: "recorder", component: () => import("./recorders/RecorderPage.vue"), props: true },
  {
    path: "/training",
    name: "training",
    component: () => import("./training/TrainingPage.vue"),
    meta: { needs: TRAIN },
  },
  { path: "/runs", name: "runs", component: () => import("./runs/RunsPage.vue") },
  { path: "/runs/compare", name: "compare", component: () => import("./runs/ComparePage.vue") },
  { path: "/runs/:id", name: "run", component: () => import("./runs/RunPage.vue"), props: true },
  { path: "/models", name: "models", component: () => import("./models/ModelsPage.vue") },
  { path: "/models/:name", name: "model", component: () => import("./models/ModelPage.vue"), props: true },
  {
    path: "/models/:name/:number",
    name: "version",
    component: () => import("./models/VersionPage.vue"),
    props: (to) => ({ name: String(to.params.name), number: Number(to.params.number) }),
  },
  { path: "/devices", name: "devices", component: () => import("./devices/DevicesPage.vue") },
  { path: "/devices/:id", name: "device", component: () => import("./devices/DevicePage.vue"), props: true },
  { path: "/settings", name: "settings", component: () => import("./settings/SettingsPage.vue") },
  { path: "/:path(.*)*", name: "nowhere", component: () => import("./overview/NowherePage.vue") },
];

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach(async (to) => {
  if (to.meta.open || (await signedIn())) return true;
  return { name: "sign-in", query: to.fullPath === "/" ? {} : { next: to.fullPath } };
});

onSignedOut(() => {
  forget();
  const here = router.currentRoute.value;
  if (!here.meta.open) void router.replace({ name: "sign-in", query: { next: here.fullPath } });
});
