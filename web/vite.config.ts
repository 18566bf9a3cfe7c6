import { defineConfig } from "vite";

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
  },
  server: { host: "127.0.0.1" },
});
