// Runs before first paint so the page never flashes the wrong theme. A file of its own, because the
// content security policy allows no inline scripts.
(() => {
  const chosen = localStorage.getItem('theme');
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = chosen ?? (dark ? 'dark' : 'light');
})();
