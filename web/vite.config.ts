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
