//! Values that journeys are handed: what setups returned, and the state of each VU, told apart by type.

use super::outcome::Failure;
use super::{Vu, VuSlot};
use crate::error::Error;
use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A value that all VUs share.
pub type SharedValue = Arc<dyn Any + Send + Sync>;

/// A type, to look values up by.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct ValueType {
    id: TypeId,
    name: fn() -> &'static str,
}

impl ValueType {
    pub fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: std::any::type_name::<T> }
    }

    /// A setup that returns nothing has nothing to hand over: it prepares the target.
    pub(crate) fn is_unit(self) -> bool {
        self == Self::of::<()>()
    }
}

impl PartialEq for ValueType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.name)())
    }
}

/// As a user would write it: `Vec<shop::Product>` and not `alloc::vec::Vec<..>`.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in (self.name)().split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let shown = ["alloc::", "core::", "std::"].iter().any(|krate| part.starts_with(krate));
            let from = if shown { part.rfind("::").map_or(0, |at| at + 2) } else { 0 };
            f.write_str(&part[from..])?;
        }
        Ok(())
    }
}

/// What a function asks for beside `vu`, and where its parameter stands.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Need {
    pub(crate) of: ValueType,
    pub(crate) kind: NeedKind,
    /// `file:line:column` of the parameter.
    pub(crate) place: Cow<'static, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeedKind {
    /// `&T`: what a setup returned.
    Shared,
    /// `&mut T`: this VU's own state.
    State { has_default: bool },
}

impl Need {
    pub fn shared<T: Send + Sync + 'static>(place: impl Into<Cow<'static, str>>) -> Self {
        Self { of: ValueType::of::<T>(), kind: NeedKind::Shared, place: place.into() }
    }

    pub fn state<T: 'static>(place: &'static str, has_default: bool) -> Self {
        Self { of: ValueType::of::<T>(), kind: NeedKind::State { has_default }, place: place.into() }
    }
}

/// What all setups returned.
#[derive(Default)]
pub(crate) struct Values(Vec<(TypeId, SharedValue)>);

impl Values {
    pub(crate) fn add(&mut self, of: ValueType, value: SharedValue) {
        self.0.push((of.id, value));
    }

    pub(crate) fn has(&self, of: ValueType) -> bool {
        self.0.iter().any(|(id, _)| *id == of.id)
    }

    /// Whether any setup has returned.
    pub(crate) fn has_any(&self) -> bool {
        !self.0.is_empty()
    }

    fn get<T: Send + Sync + 'static>(&self) -> Option<&SharedValue> {
        self.0.iter().find(|(id, _)| *id == TypeId::of::<T>()).map(|(_, value)| value)
    }
}

/// Where the setups leave the values, and the cores take them up once: from then on no core asks again.
#[derive(Debug, Default)]
pub(crate) struct ValueShelf(Mutex<Option<Arc<Values>>>);

impl ValueShelf {
    pub(crate) fn put(&self, values: Values) {
        *self.lock() = Some(Arc::new(values));
    }

    pub(crate) fn get(&self) -> Option<Arc<Values>> {
        self.lock().clone()
    }

    pub(crate) fn take(&self) -> Option<Arc<Values>> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Values>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Values").field(&self.0.len()).finish()
    }
}

impl Vu {
    /// What the setup of this type returned, for journeys made of closures; functions take it as a parameter `&T`.
    ///
    /// `None` if no such setup has run: one that `#[setup]` declares runs only when something takes its value, which a
    /// closure says with [`Scenario::takes`](crate::Scenario::takes). Setups themselves see no values.
    pub fn setup_value<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.core.values()?.get::<T>()?.downcast_ref()
    }

    /// As [`setup_value`](Self::setup_value), where it has been checked before the start that there is one.
    pub(crate) fn shared<T: Send + Sync + 'static>(&self) -> Arc<T> {
        let value =
            self.state.core.values().and_then(|values| Arc::clone(values.get::<T>()?).downcast().ok());
        value.expect("a scenario starts only when all values that it takes are there")
    }
}

impl VuSlot {
    #[doc(hidden)]
    pub fn shared<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.vu().shared()
    }
}

/// What a `#[setup]` or `#[vu_setup]` may return: a `Result` with the value it made.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a setup cannot return `{Self}`",
    label = "no `Result` with a value",
    note = "return `loadcore::Result<T>` with the value that scenarios take as `&T` or `&mut T`"
)]
pub trait HookValue {
    type Value;
    fn value(self) -> Result<Self::Value, Failure>;
}

impl<T, E: Into<Error> + Any> HookValue for Result<T, E> {
    type Value = T;
    fn value(self) -> Result<T, Failure> {
        self.map_err(Failure::of)
    }
}

/// The type of what a hook returns. The closure is never called.
#[doc(hidden)]
pub fn value_of<F, R>(_: &F) -> ValueType
where
    F: AsyncFn(&Vu) -> R,
    R: HookValue<Value: 'static>,
{
    ValueType::of::<R::Value>()
}

/// Finds `T::default`, if there is one: see [`HasDefault`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Maker<T>(std::marker::PhantomData<fn() -> T>);

impl<T> Maker<T> {
    pub const NEW: Self = Self(std::marker::PhantomData);
}

/// Together with [`NoDefault`]: method resolution takes this one where `T: Default`, and that one elsewhere.
#[doc(hidden)]
pub trait HasDefault<T> {
    fn maker(&self) -> Option<fn() -> T>;
}

impl<T: Default> HasDefault<T> for Maker<T> {
    fn maker(&self) -> Option<fn() -> T> {
        Some(T::default)
    }
}

#[doc(hidden)]
pub trait NoDefault<T> {
    fn maker(&self) -> Option<fn() -> T>;
}

impl<T> NoDefault<T> for &Maker<T> {
    fn maker(&self) -> Option<fn() -> T> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_as_users_write_them() {
        for (of, want) in [
            (ValueType::of::<Vec<Option<String>>>(), "Vec<Option<String>>"),
            (ValueType::of::<(u8, [String; 2])>(), "(u8, [String; 2])"),
            (ValueType::of::<Need>(), "loadcore::run::values::Need"),
        ] {
            assert_eq!(of.to_string(), want);
        }
    }

    #[test]
    #[allow(clippy::needless_borrow, reason = "the borrow makes the difference, as in what macros write")]
    fn a_default_is_found_where_there_is_one() {
        struct Bare;
        use {HasDefault as _, NoDefault as _};
        assert!((&Maker::<u32>::NEW).maker().is_some_and(|make| make() == 0));
        assert!((&Maker::<Bare>::NEW).maker().is_none());
    }
}
