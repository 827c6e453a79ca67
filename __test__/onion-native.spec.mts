// The contract of the onion once more, with all of it within a native middleware: each call crosses to Rust and back.

process.env['TRAE_ONION'] = 'native';
await import('./onion.spec.mts');
await import('./onion-koa.spec.mts');
