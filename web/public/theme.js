// Before the first paint, so that nobody who chose dark is shown a white page first. A file of its
// own, since the page's policy allows no scripts within it.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's choice stands.
}
