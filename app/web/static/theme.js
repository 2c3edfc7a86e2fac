// Runs before the page is drawn, so that a dark page never flashes white.
(() => {
  const wish = document.cookie.match(/(?:^|; )rf_theme=(light|dark)/);
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = wish ? wish[1] : system.matches ? "dark" : "light";
    document.documentElement.setAttribute("data-bs-theme", theme);
  };
  apply();
  if (!wish) system.addEventListener("change", apply);
  document.documentElement.classList.add("rf-js");
})();
