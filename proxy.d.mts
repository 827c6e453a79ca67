// The same contract for `import`; see proxy.d.ts.
export * from './proxy.js';
