import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dev -w console` finds a running platform. */
const platform = process.env.MOORING_URL ?? 'http://127.0.0.1:7600';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/api': { target: platform, changeOrigin: true } } },
  build: {
    outDir: 'dist',
    target: 'es2023',
    // A strict content security policy forbids inline scripts and data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
});
