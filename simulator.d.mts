// The same contract for `import`; see simulator.d.ts.
export * from './simulator.js';
