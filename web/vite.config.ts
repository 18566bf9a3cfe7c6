import { defineConfig } from "vite";

type Modules = (id: string) => { importers: readonly string[] } | null;
const early = new Map<string, boolean>();

/** Whether a module is loaded with the first page. Those are one file, since many small ones are larger together. */
function isEarly(id: string, modules: Modules): boolean {
  const known = early.get(id);
  if (known !== undefined) return known;
  early.set(id, false); // for modules that import each other
  const found = /src\/main\.tsx$/.test(id) || (modules(id)?.importers ?? []).some((one) => isEarly(one, modules));
  early.set(id, found);
  return found;
}

/** What is opened beside each other in one place is one file, too: small ones are larger by themselves. */
const TOGETHER: Readonly<Record<string, RegExp>> = {
  "chart-parts": /src\/charts\/(Legend|PinnedTooltip|ChartSettings|ChartDialogs|Bars)\.tsx$/,
  "table-parts": /src\/(components\/table\/GroupRow|pages\/runs\/(GroupPanel|ColumnsPanel|BulkBar))\.tsx$/,
  "filter-parts": /src\/(components\/FilterError\.tsx|pure\/suggest\.ts)$/,
  "run-parts": /src\/components\/(RunOverview|RunEditor|KeyValues)\.tsx$/,
};
const togetherWith = (id: string): string | null => Object.keys(TOGETHER).find((name) => TOGETHER[name]!.test(id)) ?? null;

// The built page lands inside the Python package, which serves it under a policy that forbids inline scripts.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/runicorn/viewer/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: true,
    // One style sheet for all pages: what comes later in it may say more than the other, whichever page is opened first.
    cssCodeSplit: false,
    // Tells which script loads which; tests/unit/viewer/test_page_size.py adds them up.
    manifest: "manifest.json",
    rolldownOptions: { output: { codeSplitting: { groups: [{ debugName: "base", name: (id, all) => (isEarly(id, (one) => all.getModuleInfo(one)) ? "base" : togetherWith(id)) }] } } },
  },
  // `vite` beside a running viewer: its guard takes requests of its own page only, so the page's origin is left out.
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": {
        target: "http://127.0.0.1:23300",
        changeOrigin: true,
        headers: { "sec-fetch-site": "same-origin" },
        configure: (proxy) => proxy.on("proxyReq", (request) => request.removeHeader("origin")),
      },
    },
  },
});
