//! Which engine shall execute which model, as the configuration says it.

use std::collections::BTreeMap;

use engine::proof::Choice;

/// What somebody wants to execute models.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engines {
    /// For models of other programs that are not named.
    pub(crate) usual: Choice,
    /// By name of model, whoever made it.
    pub(crate) of_models: BTreeMap<String, Choice>,
}

impl Engines {
    /// What shall execute the model of this name. Our own run natively unless they are named.
    pub(super) fn of(&self, name: &str, is_own: bool) -> Choice {
        match (self.of_models.get(name), is_own) {
            (Some(&choice), _) => choice,
            (None, true) => Choice::Auto,
            (None, false) => self.usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::EngineKind;

    use super::*;

    #[test]
    fn a_model_that_is_named_gets_its_engine_and_the_others_the_usual_one() {
        let (tract, ort) = (Choice::Only(EngineKind::Tract), Choice::Only(EngineKind::Ort));
        let of_models = BTreeMap::from([("cnn".to_owned(), ort)]);
        let engines = Engines { usual: tract, of_models };
        assert_eq!(engines.of("cnn", false), ort);
        assert_eq!(engines.of("cnn", true), ort);
        assert_eq!(engines.of("forest", false), tract);
        assert_eq!(engines.of("pump", true), Choice::Auto);
    }
}
