// The same contract for `import`; see index.d.ts.
export * from './index.js';
export { trae as default } from './index.js';
