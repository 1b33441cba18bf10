// Light, dark, or as the system has it; kept by the browser.
import { ref } from "vue";

export type Theme = "system" | "light" | "dark";

const root = document.documentElement;

/** The choice. */
export const theme = ref<Theme>((root.dataset.theme as Theme | undefined) ?? "system");

/** Changes whenever colours do: plots draw again. */
export const themeChanges = ref(0);

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (themeChanges.value += 1));

/** Takes a choice and keeps it where the browser allows that. */
export function choose(next: Theme): void {
  theme.value = next;
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  themeChanges.value += 1;
  try {
    if (next === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
