//! Functions of this process that compiled programs call to compute something, such as LAPACK routines.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use smallvec::SmallVec;

use crate::api::slice;
use crate::ffi::{Attributes, answer_metadata, guarded, make_error};
use crate::ffi_abi::*;
use crate::threads::Threads;

/// An element type of the operands and results of a [`Kernel`]. A complex number consists of its real and its imaginary
/// part.
pub trait Element: Copy + Send + Sync + sealed::Sealed + 'static {}

mod sealed {
    /// # Safety
    /// `CODE` must be XLA's number of the type that has the layout of `Self`, and all bit patterns must be valid
    /// values.
    pub unsafe trait Sealed {
        const CODE: i32;
    }
}

macro_rules! elements {
    ($($ty:ty = $code:literal),*) => {
        /// Returns the size of the element type with XLA's number `code`.
        fn element_size(code: i32) -> Option<usize> {
            match code { $($code => Some(size_of::<$ty>()),)* _ => None }
        }
        $(
        // SAFETY: `code_names_the_type` compares sizes. All bit patterns of numbers and arrays of numbers are valid.
        unsafe impl sealed::Sealed for $ty {
            const CODE: i32 = $code;
        }
        impl Element for $ty {}
        )*
    };
}

elements!(i32 = 4, f32 = 11, f64 = 12, [f32; 2] = 15, [f64; 2] = 18);

/// A function that only computes, with the name by which programs call it.
///
/// A kernel runs on the thread that reaches the call, which may be a thread that other programs need. It must therefore
/// not wait for anything, but it may share its work with the other threads of the plugin ([`Arrays::threads`]).
///
/// ```
/// use cotangent_xla::{Arrays, Kernel};
///
/// fn double(call: &mut Arrays<'_>) -> Result<(), String> {
///     call.update::<f32>(0, 0)?.elements.iter_mut().for_each(|x| *x *= 2.0);
///     Ok(())
/// }
///
/// static KERNELS: &[Kernel] = &[Kernel::new("double", double)];
/// # assert_eq!(KERNELS[0].name(), "double");
/// ```
#[derive(Clone, Copy)]
pub struct Kernel {
    pub(crate) name: &'static str,
    pub(crate) handler: FfiHandler,
}

impl Kernel {
    /// Creates a kernel from a function, or from a closure without captures.
    pub const fn new<F>(name: &'static str, function: F) -> Kernel
    where
        F: Fn(&mut Arrays<'_>) -> Result<(), String> + Send + Sync + 'static,
    {
        const {
            assert!(size_of::<F>() == 0, "a function that programs call must capture nothing");
        }
        // The function has no bytes, but it may have a destructor, which must not run while the function can be called.
        let _ = ManuallyDrop::new(function);
        Kernel { name, handler: direct::<F> }
    }

    /// Returns the name by which programs call the kernel.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.name)
    }
}

/// One array of a call: its dimensions and its elements, in the order of the layout. The program states both the
/// dimensions and the layout.
#[derive(Debug)]
pub struct View<'a, E> {
    /// The dimensions.
    pub dims: &'a [i64],
    /// The elements.
    pub elements: E,
}

/// The operands, results and attributes of a call.
///
/// Each array is handed out once, so all of them can be used at the same time.
pub struct Arrays<'a> {
    operands: SmallVec<[Array; 4]>,
    results: SmallVec<[Array; 4]>,
    attributes: Attributes<'a>,
    threads: Threads<'a>,
}

/// An operand or a result.
#[derive(Clone, Copy)]
struct Array {
    code: i32,
    dims: NonNull<i64>,
    rank: usize,
    data: *mut u8,
    bytes: usize,
    /// Whether the array has not been handed out yet.
    free: bool,
    /// For an operand, the index of the result that shares its memory.
    shared: Option<usize>,
}

impl<'a> Deref for Arrays<'a> {
    type Target = Attributes<'a>;
    fn deref(&self) -> &Attributes<'a> {
        &self.attributes
    }
}

impl<'a> Arrays<'a> {
    /// Returns a call without arrays.
    ///
    /// # Safety
    /// The frame must belong to an execution that lives for `'a`.
    unsafe fn new(frame: &CallFrame) -> Arrays<'a> {
        // SAFETY: the caller guarantees it.
        let threads = unsafe { Threads::of(frame) };
        let attributes = Attributes(frame.attrs, PhantomData);
        Arrays { operands: SmallVec::new(), results: SmallVec::new(), attributes, threads }
    }

    /// Reads the arrays of the call, in place, because moving them takes a part of the time of a short call.
    ///
    /// # Safety
    /// The frame must be that of the call. While the execution lives, nothing else may access its results or write to its
    /// operands.
    unsafe fn read(&mut self, frame: &CallFrame) -> Result<(), String> {
        // SAFETY: the caller guarantees it.
        unsafe {
            read_list(&frame.args, &mut self.operands)?;
            read_list(&frame.rets, &mut self.results)?;
        }
        let (operands, results) = (&mut self.operands, &self.results);
        let range = |x: &Array| x.data.addr()..x.data.addr() + x.bytes;
        let overlap = |x: &Array, y: &Array| {
            x.bytes.min(y.bytes) > 0 && range(x).start < range(y).end && range(y).start < range(x).end
        };
        for (i, result) in results.iter().enumerate() {
            if results[..i].iter().any(|other| overlap(other, result)) {
                return Err("two results share memory".to_owned());
            }
            for operand in operands.iter_mut().filter(|operand| overlap(operand, result)) {
                if range(operand) != range(result) || operand.code != result.code {
                    return Err("an operand shares a part of a result's memory".to_owned());
                }
                operand.shared = Some(i);
            }
        }
        Ok(())
    }

    /// Returns the threads that may share the work.
    pub fn threads(&self) -> Threads<'a> {
        self.threads
    }

    /// Returns an operand. If the operand shares its memory with a result, it is available only through
    /// [`update`](Self::update).
    ///
    /// # Errors
    /// If there is no such operand, if it has another type, or if it shares its memory with a result.
    pub fn operand<T: Element>(&mut self, i: usize) -> Result<View<'a, &'a [T]>, String> {
        let array = *self.operands.get(i).ok_or_else(|| format!("there is no operand {i}"))?;
        if array.shared.is_some() {
            return Err(format!("operand {i} shares memory with a result"));
        }
        let len = array.len::<T>("operand", i)?;
        // SAFETY: the operand lives for 'a and has as many elements of this type; no result has its memory.
        unsafe { Ok(View { dims: array.dims(), elements: slice(array.data.cast::<T>(), len) }) }
    }

    /// Returns a result.
    ///
    /// # Errors
    /// If there is no such result, if it has another type, or if it was already handed out.
    pub fn result<T: Element>(&mut self, i: usize) -> Result<View<'a, &'a mut [T]>, String> {
        let array = self.results.get_mut(i).ok_or_else(|| format!("there is no result {i}"))?;
        let len = array.len::<T>("result", i)?;
        if !std::mem::take(&mut array.free) {
            return Err(format!("result {i} was taken already"));
        }
        let data = if len == 0 { NonNull::dangling().as_ptr() } else { array.data.cast::<T>() };
        // SAFETY: the result lives for 'a, has as many elements of this type, whose bit patterns are all valid, and is
        // handed out once. It shares no memory with other results, and operands that share it are not handed out.
        unsafe { Ok(View { dims: array.dims(), elements: std::slice::from_raw_parts_mut(data, len) }) }
    }

    /// Returns a result that is initialized with a copy of an operand. If both share their memory, nothing is copied.
    ///
    /// # Errors
    /// If their types or dimensions differ, or if [`result`](Self::result) returns an error.
    pub fn update<T: Element>(&mut self, operand: usize, result: usize) -> Result<View<'a, &'a mut [T]>, String> {
        let from = *self.operands.get(operand).ok_or_else(|| format!("there is no operand {operand}"))?;
        let to = self.result::<T>(result)?;
        // SAFETY: the dimensions live for 'a.
        if unsafe { from.dims() } != to.dims {
            return Err(format!("operand {operand} and result {result} have different dimensions"));
        }
        if from.shared != Some(result) {
            to.elements.copy_from_slice(self.operand::<T>(operand)?.elements);
        }
        Ok(to)
    }
}

impl Array {
    /// Returns the number of elements, after checking that they have type `T`.
    fn len<T: Element>(&self, what: &str, i: usize) -> Result<usize, String> {
        match self.code == T::CODE {
            true if self.bytes == 0 || self.data.cast::<T>().is_aligned() => Ok(self.bytes / size_of::<T>()),
            true => Err(format!("{what} {i} is not aligned")),
            false => Err(format!("{what} {i} has the element type {}, not {}", self.code, T::CODE)),
        }
    }

    /// # Safety
    /// The dimensions must live for `'a`.
    unsafe fn dims<'a>(&self) -> &'a [i64] {
        // SAFETY: there are `rank` dimensions, and the caller guarantees that they live for `'a`.
        unsafe { std::slice::from_raw_parts(self.dims.as_ptr(), self.rank) }
    }
}

/// Appends the arrays of a list.
///
/// # Safety
/// The list must be alive.
unsafe fn read_list(list: &FfiList, arrays: &mut SmallVec<[Array; 4]>) -> Result<(), String> {
    let len = usize::try_from(list.size).unwrap_or(0);
    // SAFETY: both lists have as many entries.
    let (types, items) = unsafe { (slice(list.types, len), slice(list.items, len)) };
    for (&kind, &item) in types.iter().zip(items) {
        if kind != LIST_BUFFER {
            return Err("an operand or result is not an array".to_owned());
        }
        // SAFETY: an entry of this kind is a buffer that lives during the call and has the stated number of dimensions.
        let (buffer, dims) = unsafe { (&*item, slice((*item).dims, usize::try_from((*item).rank).unwrap_or(0))) };
        let size = element_size(buffer.dtype);
        let size = size.ok_or_else(|| format!("the element type {} is not supported", buffer.dtype))?;
        let bytes = dims.iter().try_fold(size, |n, &d| n.checked_mul(usize::try_from(d).ok()?));
        let bytes = bytes.filter(|n| isize::try_from(*n).is_ok()).ok_or("an array is too large")?;
        if bytes > 0 && buffer.data.is_null() {
            return Err("an array has no memory".to_owned());
        }
        let (data, rank) = (buffer.data.cast::<u8>(), dims.len());
        let dims = NonNull::from(dims).cast();
        arrays.push(Array { code: buffer.dtype, dims, rank, data, bytes, free: true, shared: None });
    }
    Ok(())
}

/// The entry point that the plugin calls for a function of type `F`.
unsafe extern "C" fn direct<F>(given: *mut CallFrame) -> *mut FfiError
where
    F: Fn(&mut Arrays<'_>) -> Result<(), String> + Send + Sync + 'static,
{
    // SAFETY: the plugin passes a frame that lives during the call.
    let frame = unsafe { &*given };
    // SAFETY: the extensions live as long as the frame.
    if unsafe { answer_metadata(frame) } || frame.stage != STAGE_EXECUTE {
        return ptr::null_mut();
    }
    // SAFETY: `F` has no bytes, so any aligned address is valid. `Kernel::new` has leaked a value of it, and this
    // function is only called after that.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    // SAFETY: the frame belongs to an execution, whose buffers are exclusive to this call until it returns. A function
    // that accepts arrays of any lifetime cannot keep them.
    let mut arrays = unsafe { Arrays::new(frame) };
    // SAFETY: as above.
    match guarded(|| unsafe { arrays.read(frame) }.and_then(|()| function(&mut arrays))) {
        Ok(()) => ptr::null_mut(),
        // SAFETY: the frame lives.
        Err(message) => unsafe { make_error(frame.api, message) },
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::Sealed;
    use super::*;
    use crate::hlo::element_type;
    use crate::shape::ElementType;

    #[test]
    fn code_names_the_type() {
        fn check<T: Element>(ty: ElementType) {
            assert_eq!(element_type(<T as Sealed>::CODE), Some(ty));
            assert_eq!(size_of::<T>(), ty.byte_size());
        }
        check::<i32>(ElementType::S32);
        check::<f32>(ElementType::F32);
        check::<f64>(ElementType::F64);
        check::<[f32; 2]>(ElementType::C64);
        check::<[f64; 2]>(ElementType::C128);
    }
}
