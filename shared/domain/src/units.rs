//! How times and lengths are written down: whole milliseconds, so that nothing is lost on the way.

/// `TimeDelta` as whole milliseconds, for `#[serde(with = "units::millis")]`.
pub mod millis {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the length as milliseconds.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(length: &TimeDelta, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(length.num_milliseconds())
    }

    /// Reads milliseconds.
    ///
    /// # Errors
    ///
    /// What is no whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
        Ok(TimeDelta::milliseconds(i64::deserialize(from)?))
    }
}

/// `Option<TimeDelta>` as whole milliseconds; unknown is `null` or absent, never 0.
pub mod optional_millis {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the length as milliseconds, or nothing.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(length: &Option<TimeDelta>, to: S) -> Result<S::Ok, S::Error> {
        match length {
            Some(length) => to.serialize_some(&length.num_milliseconds()),
            None => to.serialize_none(),
        }
    }

    /// Reads milliseconds, or nothing.
    ///
    /// # Errors
    ///
    /// What is neither a whole number nor nothing.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeDelta>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(TimeDelta::milliseconds))
    }
}
