//! `Constant`: a tensor inside a function body; `GraphBuilder::constant` emits it.

