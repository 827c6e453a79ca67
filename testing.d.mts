// The same contract for `import`; see testing.d.ts.
export * from './testing.js';
