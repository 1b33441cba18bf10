// The roles of users, the least first, and what each may do beside what those before it may.
import type { Schemas } from "../api/client";

export const ROLES: { role: Schemas["UserRole"]; may: string }[] = [
  { role: "viewer", may: "look at what is theirs and at what is shared with them" },
  { role: "annotator", may: "also import, record, label and share data" },
  { role: "engineer", may: "also train models and deploy them to devices" },
  { role: "admin", may: "also manage users; the data of others stays theirs" },
];
