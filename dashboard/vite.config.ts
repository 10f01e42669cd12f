import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.TRUNKLINE_URL ?? 'http://127.0.0.1:8080';

const SHARED =
  /\/node_modules\/(preact|@tanstack\/(?!react-virtual|virtual)|lucide)|\/src\/(?!charts\/stacked-bars|ui\/table|chat\/|pages\/)/;

export default defineConfig({
  // Every address is relative to <base href>, which the server fills in: one build works at any path.
  base: './',
  plugins: [react(), tailwindcss()],
  // Preact does what React does here in a tenth of its size. Types and the names in sources are
  // React's, so that either can be had by a line.
  resolve: {
    alias: {
      'react/jsx-runtime': 'preact/jsx-runtime',
      'react-dom/test-utils': 'preact/test-utils',
      'react-dom': 'preact/compat',
      react: 'preact/compat',
    },
  },
  build: {
    target: 'es2022',
    sourcemap: false,
    // A data: address for a small file would not pass the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        // What pages share comes with the shell: a page would wait for two dozen small files. Not what
        // brings much with it that few pages need.
        codeSplitting: { groups: [{ name: 'base', test: SHARED, minShareCount: 2 }] },
      },
    },
  },
  server: { proxy: { '/api': server } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.{ts,tsx}'],
          environment: 'happy-dom',
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/**/*.browser.ts'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
