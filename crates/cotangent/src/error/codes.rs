//! The codes of messages. A code stands for a kind of mistake, in whatever words and with whatever numbers it is
//! reported.
//!
//! The same mistake has the same sentence throughout the library. So the words of a message determine its code, and
//! the places that make errors need not state it. It is looked up when a message is printed. `tests/messages.rs` reads
//! the sentences from the sources, and fails if one of them has no code or more than one.

/// The codes in ascending order, each with the sentences that it stands for. In a sentence, `{}` stands for any text.
///
/// The first two digits stand for the kind of the error, see [`number`](super::ErrorKind::number).
#[rustfmt::skip]
pub(super) const CODES: &[(&str, &[&str])] = &[
    // Shapes.
    ("E0101", &[
        "{} and {} cannot be broadcast together", "cannot be broadcast to shape", "does not broadcast to ",
        " do not broadcast", "must be a scalar or have the shape of the cases",
        "bounds must be scalars or have the shape of",
    ]),
    ("E0102", &["elements, but shape {} has", "elements do not fit shape", "bytes do not fit"]),
    ("E0103", &[" is not a shape"]),
    ("E0104", &["lists at the same depth have"]),
    ("E0105", &["must have rows of one type, got", "expected a weight for each element of", "histogram2d: expected two vectors of the same length", 
        "operands must have the same shape, got", "differ in shape", "must have the structure and shapes of",
        "the direction must have the shape of the matrix", "the diagonals must have one shape",
        "expected two square matrices of one size", "indices {} must have as many dimensions as",
        "arrays of integers for shape",
    ]),
    ("E0106", &["ragged_dot: ", 
        "the sizes of {} do not match", "dimensions {} of {} and {} of {} must have the same sizes",
        "does not match the rank of", "axis `{}` has the sizes",
    ]),
    ("E0107", &[
        "expected at least two dimensions", "expected operands of one or more dimensions",
        "expected vectors or matrices", "must have three dimensions", ": expected a matrix", "must be a matrix",
        "expected a matrix with at least one row", ": expected matrices", "is not a matrix", ": expected a vector", "expected a vector of {} elements, those of the tree",
        ": expected vectors", ": expected scalars or vectors", "must be a vector, got",
        "must have one dimension, got", ": expected coefficients, got", "expected coefficients along an axis",
        ": expected a divisor with coefficients", ": expected two or more coefficients",
        "only arrays of one or two dimensions are drawn", "is not the shape of a kernel", "no unit is known for",
        "a weight of shape {} is not known", "the shape {} does not have the rank of", "collapse: {} has no axes",
        "apply_over_axes: the function returned rank", "the costs must be a real matrix", "has no such axes: ",
        "do not name all axes of", "x0 must be a vector of floats", "the arrays must have the same rank",
        "the signals must have the same rank",
    ]),
    ("E0108", &[
        "must be a square matrix", "expected square matrices", "expected a square matrix", "needs a square matrix",
        "must be those of a square matrix", "diag_indices_from: the dimensions must be equal",
        "the matrix must be square",
    ]),
    ("E0109", &["a scalar has no rows, got", 
        " is a scalar and ", "a single key cannot be iterated over", "need an axis, got a scalar",
        "a scalar boolean cannot be an index", "pivots must have at least one dimension",
    ]),
    ("E0110", &["needs an array of one element", "the predicate must be a scalar, got", "expected one key"]),
    ("E0111", &["has no least and no greatest element", 
        "needs at least one element, but an axis of", "axis {} of {} is empty", "has fewer than two samples",
    ]),
    ("E0112", &["vmap over axes of different sizes"]),
    ("E0113", &[
        "has the leading size {}, expected", "each scanned array must have the leading size",
        "all arrays must have the same size along axis",
        "the first axis of each gradient must be that of the examples",
    ]),
    ("E0114", &[
        "must return the types of the carry", "the carry must keep its type", "branches must return the same types",
        "branches must accept the operands", "a solution must have the types of the right-hand side",
        "the computation must combine two sets of scalars", "the initial value must be a scalar with the dtype of",
    ]),
    ("E0115", &["must be a vector of {} integers, one for each element of the axis", 
        "devices, but there are {} parts", "histogram: expected {} for 1 or", "expected {} start indices for",
        "expected a pair of widths for each dimension of", "roll_axes: {} shifts for {} axes",
        "expected at least one array", "expected at least one operand",
        "expected at least one key", "expected at least two arrays", "expected a predicate and at least one case",
        "expected {} operands for the body", "expected operands {}, got", "conditions for {} choices",
        "the number of results is wrong", "arrays of coordinates for",
    ]),
    ("E0116", &[
        "start {}, limit {} and stride {} are out of bounds", "slice_sizes {} do not fit", "update {} does not fit",
        "makes the size of dimension {} of {} negative", "triples (low, high, interior",
    ]),
    ("E0117", &[
        "cannot be divided into", "cannot be divided among", "must divide the number of",
        "must have the size {} of the axis", "add up to {}, but axis", "the arrays of the batch have {} parts of",
    ]),
    ("E0118", &["must have the same shape except along dimension"]),
    ("E0119", &["mask {} does not match", "weights {} do not match axes"]),
    ("E0120", &[
        "operands must have the same number of dimensions, at least two", "spatial dimensions", "spatial axes",
        "the kernel {} takes {} input features", "there are no default dimension numbers",
        "a window of {} with strides of", "has {} entries, but {} has {} dimensions",
        "expected a source of shape {} for the windows of", "cannot be convolved", "nowhere overlap completely",
        "differ in the batch axis",
    ]),
    ("E0121", &[
        "indices must have a last dimension", "indices {} have {} coordinates",
        "and {} {} of {} must have the same sizes", "must be an offset, collapsed or batching dimension",
        "must be an update window, inserted or batching dimension",
        "must be 1 in collapsed and batching dimensions", "updates {} without update_window_dims",
        "updates for indices", "windows of updates {} do not fit",
    ]),
    ("E0122", &[
        "expected A of shape [..., n, n] and B of shape", "are no matrix and right-hand sides for its rows",
        "must have the size {} of the matrix", "the batch axes of {} and {} must have the same sizes",
        "must have the shape of the diagonals", "does not have the {} rows of",
        "C must be square, with as many rows as A", "expected a square matrix and a vector of the same size",
        "expected A (m × m), B (n × n) and C (m × n)", "qr_multiply: Q of", "has no reflections for the factors",
        "the reflections of {} act on", "a matrix of orthonormal columns has no more columns than rows",
        "expected a number of type i32 for each column of", "a permutation of {} rows cannot have",
        "expected a tensor that has the axes of", "tensorinv: the first", "eigh: the subset",
        "expected a diagonal and one that is an element shorter", "expected two or more fecundities",
        "columns make no matrix",
    ]),
    ("E0123", &[
        "the last axis of the input must have {} features", "the last axes of the input must have shape",
        ": the input needs a batch axis", "RotaryEmbedding of {} features", "RotaryEmbedding: expected (",
        "MultiHeadAttention: expected (", "query, key and value are", "one for each sequence, got",
        "does not fit a cache of keys",
    ]),
    ("E0124", &[
        "logits {} need labels of shape", "expected logits [", "logits {} and labels {} need paddings",
        "expected a matrix and a label for each row", "expected an axis of examples and one of classes",
        "expected one integer segment id for each element",
    ]),
    ("E0125", &[
        "does not fit a covariance", "does not fit the parameters", "the shape {} must end with",
        "needs {} probabilities, got", "expected one or {} constants", "expected real x and vectors of one size",
    ]),
    ("E0126", &["must have the type of its primal"]),
    ("E0127", &[
        "a transform of length 0 is not defined", "has fewer than {} axes", "expected {} axes, got",
        "expected a positive length for each of", "of lengths {} needs last axes of sizes",
        "lengths were given for {} axes", "does not have the length {} of a segment",
    ]),
    ("E0128", &["has {} entries, but the shape {} has {} dimensions", "has {} dimensions, but {} {} entries"]),
    ("E0129", &["make_array_from_callback: the part", "argument {} must be {}, got", "the callback's result {} is {}, but {} was declared"]),
    ("E0130", &[
        "has fewer than {} elements", "is too long for i32 indices", "is too large to address",
        "the range has too many elements", "axes, a scale {} and a translation",
    ]),
    ("E0131", &["cannot be bitcast to {}: each element takes"]),
    ("E0132", &[
        "has the symbolic dimension", "which it needs only if it was exported with symbolic dimensions",
        "has a dimension that is not known", "has more elements than memory can hold",
        "an array of this shape does not fit in memory",
    ]),
    ("E0133", &["have different ranks, and nothing says how to align them"]),
    // Dtypes.
    ("E0201", &[
        "expected {}, got {}", "must be floats, got", "expected a numeric dtype", "has no −1",
        "the dtype must be complex",
    ]),
    ("E0202", &[
        "operands must have the same dtype", "expected two arrays of one floating-point dtype",
        "expected one real floating-point dtype", "start indices must have the same dtype",
        "the fill value must have the dtype of", "preferred_element_type",
        "the padding value must be a scalar of",
    ]),
    ("E0203", &[
        "expected integers", "expected an integer dtype", "expected an unsigned integer dtype",
        "have an unsigned integer dtype", "must be an integer, got", "must be an integer scalar, got",
        "must be integer scalars", "must be integers, got", "must be integers or booleans, got",
        "must be an i32 scalar", "pivots must be i32",
    ]),
    ("E0204", &[
        "the condition must return a boolean scalar", "the predicate must be bool", "the mask must be boolean",
        "expected a boolean scalar",
    ]),
    ("E0205", &["cannot be read as {} without loss", "cannot be represented as"]),
    ("E0206", &["there is no dtype", "has no dtype"]),
    ("E0207", &["cannot be raised to the negative power"]),
    ("E0208", &["cannot be bitcast to"]),
    ("E0209", &["is {}, which the library does not have"]),
    ("E0210", &["arrays of the dtype {} are not supported", "elements of type `{}` are not supported"]),
    ("E0211", &["have no dtype in common, because promotion is strict"]),
    // Axes.
    ("E0301", &["axis {} is out of bounds for", "which is out of bounds for rank"]),
    ("E0302", &[
        "axis {} is repeated in", "the axis `{}` is repeated", "repeat dimension", "dimension {} is in both",
        "is not a permutation of the {} axes", "must be in ascending order",
    ]),
    ("E0303", &["axis {} of {} has size {}, not 1"]),
    ("E0304", &["too many indices for", "an index can contain only one ellipsis"]),
    ("E0305", &["vmap needs at least one argument with an axis"]),
    ("E0306", &["differs between the elements of the batch, so its axis cannot be None"]),
    ("E0307", &["the axes do not match the tree"]),
    ("E0308", &["there is no mapped axis", "runs outside the `vmap` or `shard_map` that maps it"]),
    ("E0309", &[
        "a mesh of {} devices ({}) was given", "a mesh has two axes named", "a mesh has at least one device",
        "comes twice in a mesh",
    ]),
    ("E0310", &["names the axis `{}`, which {} does not have", "names the axis `{}` twice"]),
    ("E0311", &["says that they share it"]),
    ("E0312", &["may run a loop for different numbers of iterations", "may take different branches"]),
    ("E0313", &["`spmd_axis_name` is", "a batch of {} cannot be divided into", "a batch that is divided over"]),
    // Traced values.
    ("E0401", &["the value of a traced array {} cannot be read"]),
    ("E0402", &["was used after the function that it belongs to had returned"]),
    ("E0403", &["were used, but only its shape and dtype are known"]),
    ("E0404", &["would repeat the effects it depends on"]),
    ("E0405", &[
        "has no device: its program may run on any", "cannot move to {}: a program runs on one device",
        "was called by a traced function, whose program runs on one device",
    ]),
    ("E0406", &[
        "a compiled program cannot be called inside a transformed function",
        "a compiled program was called on a traced array",
    ]),
    ("E0407", &["the frames of this thread are out of order"]),
    ("E0408", &["would be traced inside `no_tracing`"]),
    // Transforms.
    ("E0501", &["needs a function that returns a scalar"]),
    ("E0502", &[" needs {}, but argument {} is {}"]),
    ("E0503", &["needs a function that returns {}, but"]),
    ("E0504", &["a `while_loop` has no reverse-mode derivative"]),
    ("E0505", &[
        "` has no derivative", "has no derivative, because its function is not traced",
        "has no derivative, because it runs as it was imported",
        "there is no reverse-mode derivative of a maximum", "with respect to its updates needs unique indices",
    ]),
    ("E0506", &["the primitive `{}` has no {} rule"]),
    ("E0507", &["has a rule for reverse mode only"]),
    ("E0508", &[
        "which it declares not differentiable", "is differentiated with respect to a captured value",
        "captures a batched value, which its rule does not receive",
    ]),
    ("E0509", &["captures the traced array"]),
    ("E0510", &[
        "a `pure_callback` under `vmap` needs a method", "an `ffi_call` under `vmap` needs a method",
        "an ordered `io_callback` cannot be batched",
    ]),
    ("E0511", &[
        "a `check` must be inside `checkify`", "a `check` inside a `{}` cannot be collected",
        "a `check` under `vmap` is inside",
    ]),
    ("E0512", &["has no solver for the transposed system"]),
    ("E0513", &["inside a `shard_map`, where each device has its own part", "a `shard_map` inside another one"]),
    ("E0514", &["cannot be batched over its initial value"]),
    ("E0515", &["malformed jaxpr", "a primal result of a jvp rule depends on tangents"]),
    ("E0516", &["is not supported in imported programs", "the function has side effects"]),
    // Trees.
    ("E0601", &[
        "two trees of different structure", "are not a tree like the parameters",
        "must return the structure of its arguments", "must have the same structure, with at least one array",
    ]),
    ("E0602", &["must keep its type from one iteration to the next"]),
    ("E0603", &["must have the type of ", "must have the same type in all functions"]),
    ("E0604", &["a tree was rebuilt from fewer leaves than it has"]),
    ("E0605", &[
        "must have the leaves", "must be {}, got {}", "must have the batch axis first",
        "the axes that the rule returns",
    ]),
    ("E0606", &["the callback returned {} arrays, but", "expected {} {}s, got"]),
    ("E0607", &["was compiled for other arguments", "expected the arrays {}, got", "returns the arrays {}, not"]),
    ("E0608", &["the function captures an array"]),
    ("E0609", &["belong to different parameters", "was given a state of", "the state is not that of"]),
    ("E0610", &["the values do not match the tree"]),
    ("E0611", &["a checkify error have different batch axes"]),
    ("E0612", &["does not fit the tree:"]),
    ("E0613", &["two leaves have the name", "two entries of a map have the name"]),
    ("E0614", &[
        "have another structure than the function's", "arrays and returns {}, but the examples have",
        "also have {}, but the type has only", " is {}, not {}", "does not determine a value of the type",
    ]),
    // The plugin and the compiler.
    ("E0701", &["there is no PJRT plugin at", "cannot be used as a PJRT plugin", "plugin is listed for"]),
    ("E0702", &["COTANGENT_OFFLINE forbids", "pip was not found", "fetching the PJRT plugin"]),
    ("E0703", &[
        "was discarded: expected sha256", "does not contain the plugin that", "the cached plugin {} is damaged",
    ]),
    ("E0704", &["the profile cannot be written to", 
        "there is no cache directory", "the plugin cannot be stored because", "the program cannot be written to",
    ]),
    ("E0705", &[
        "there is no PJRT plugin for NVIDIA GPUs", "NVIDIA's libraries are incomplete",
        "cannot be loaded: {}. Install its package again",
    ]),
    ("E0706", &["there is no NVIDIA driver", "the NVIDIA driver", "CUDA_VISIBLE_DEVICES is"]),
    ("E0707", &[" is `{}`, but it should be"]),
    ("E0708", &["out of memory while"]),
    ("E0709", &[" failed ({}): "]),
    ("E0710", &[
        "a program with callbacks cannot be", "cannot call functions of this process",
        "a program that calls functions of this process does not run on",
    ]),
    ("E0711", &["was exported for"]),
    ("E0712", &["nothing is computed: the results are constants or arguments"]),
    ("E0713", &[
        "the program takes {} arguments", "argument {} must be {}, but {} was given", "belongs to another client",
        " takes {} bytes, but {} were given", "has a negative dimension or is too large to address",
        "the program has {} parameters", "parameter {} of the program is",
        "the program was compiled for {} devices at once", "there is no device {}; the client has",
        "the array lives in another runtime", "one device cannot run a program for several",
        "the compiler did not say how", "the compiler laid out", "does not return what its signature says",
        "do not have the types in its header",
    ]),
    ("E0714", &[
        "which this program registered and JAX does not have", "the function is exported for no platform",
        "JAX's format has room for", "the program cannot be written for JAX",
    ]),
    ("E0715", &["`no_execution` forbids running a program"]),
    ("E0716", &["a profile is being recorded already", "no profile is being recorded"]),
    // Devices.
    ("E0801", &["a computation runs on "]),
    ("E0802", &[
        "does not name a device", "there are no devices named", "there is no device {}: ", "cannot name devices",
        "the name `{}` is taken",
    ]),
    ("E0803", &["it was compiled for {}, but its arguments are on", "is loaded on {}, but argument"]),
    ("E0804", &[
        "the array is on several devices", "has an address on each", "a program over several devices cannot be",
    ]),
    ("E0805", &[
        "a mesh of {} devices needs more than there are", "is not a number of devices",
        "a mesh has devices of two kinds", "over different devices", "has meshes of different devices",
        "a program with a mesh of {} was given arrays on", "its shardings are over {}, but it has arrays on",
    ]),
    ("E0806", &["but it is laid out as"]),
    ("E0807", &["does not run on"]),
    ("E0808", &["the function was exported for", "` was exported for {}, not for", "` was imported for {}, not for"]),
    ("E0809", &["`platform_dependent` has no function for"]),
    // Processes.
    ("E0901", &["nothing says how to join a job"]),
    ("E0902", &["did not take part in the exchange", "was waited for in vain", "will reach the barrier"]),
    ("E0903", &[
        "the coordinator cannot listen on", "no coordinator answered at", "did not answer within",
        "is no coordinator:", "of the protocol and this process version", "does not admit this process",
    ]),
    ("E0904", &["the job has failed", "the coordinator at {} ({}) is lost"]),
    ("E0905", &["do not agree on", "and process {} of `{}`"]),
    ("E0906", &["this process has joined a job already", "cannot join a job any more", "has left the job"]),
    ("E0907", &["has another value already", "bytes, but at most {} are allowed", "the store is full"]),
    // Panics.
    ("E1001", &[" panicked"]),
    // Values.
    ("E1101", &[
        "{} {} is out of bounds for axis {} of {}", "indices are out of bounds for axis",
        "is beyond the end of an axis of", "a breakpoint is beyond the end",
    ]),
    ("E1102", &[
        " in the result of `", "that did not appear when the program ran again",
        "cannot be run again to find its origin",
    ]),
    ("E1103", &["the step must not be zero", "the step of a slice must not be zero"]),
    ("E1104", &["` names {} operands, got", "must appear in the operands and only once", "is not a letter"]),
    ("E1105", &["is out of range for {}, the default dtype of integers"]),
    ("E1106", &[
        "a seed must be an integer scalar", "fold_in: expected an integer scalar", "expected the data of a key",
        "expected a key u32", "the state of the generator must be", "there is no implementation of keys",
        "expected two words of a key",
    ]),
    ("E1107", &["cannot draw {} ", "has no elements to choose from"]),
    ("E1108", &["the format string {} "]),
    ("E1109", &[
        "a job has 1 to {} processes", "there is no process {} in a job of", "is not the address of a coordinator",
        "has not the form that is expected of it",
    ]),
    ("E1110", &["do not divide", "must be even", "must be a probability between 0 and 1"]),
    ("E1111", &["evaluates the loss, which this call does not pass", "needs the value of the loss"]),
    ("E1112", &[
        "there must be at least one step", "schedules need {} boundaries", "before the warmup",
        "the scale {} at step {} is negative",
    ]),
    ("E1113", &["which no optimizer has", "the state has no entry for the label", "there is no leaf"]),
    ("E1114", &[
        "these bytes are not a", "program is damaged", "the program was compiled for another",
        "the program was {} in version", "the text is not a StableHLO module", "has the type `tensor<{}`, which is",
    ]),
    ("E1115", &[
        "which is not a size", "a compiled program cannot be removed", "which is no platform",
        "there is no precision named",
    ]),
    ("E1116", &[
        "conv_transpose does not support", "conv_transpose supports neither", "named padding is not supported",
        "strides and dilations must be", "must be at least 1, got", "cannot both be greater than 1",
        "do not name the {} dimensions", "must name each dimension of", "dilation is not supported",
        "windows of a convolution have no groups",
    ]),
    ("E1117", &[
        "is out of bounds for the axis `{}` of size", "share a source or a destination", "is not a permutation",
        "expected arrays, got a Rust number",
    ]),
    ("E1118", &[
        "there are neither scanned arrays nor a length", "expected at least one function",
        "expected at least one branch", "expected at least one operand", "expected an index",
        "expected a condition", "expected a base and an exponent", "piecewise: {} functions for",
    ]),
    ("E1119", &[
        "no condition number belongs to the order", "has no norm of order",
        "expected one axis of vectors or two axes of matrices", "is no range of the {} singular values",
        "the square matrices of singular vectors have no subset", "ind must be between 1 and the {} axes",
    ]),
    ("E1120", &[
        "must be positive, got 0", "must be a power of two", "`start` must be between", "num_keys must be between",
        "expected one to three lengths for", "p must be 1, 2, 4 or 8", "nperseg = {}, noverlap = {}, nfft = {}",
        "the recurrence must begin above the order",
    ]),
    ("E1121", &["a boolean must be a byte of 0 or 1"]),
    ("E1122", &["a scalar on the host has no buffer"]),
    ("E1123", &["cuDNN's attention: "]),
    ("E1124", &["is not defined by an input or an equation"]),
    ("E1125", &["leaves a dimension to the compiler, but an array has one layout"]),
    ("E1126", &["{} {} failed: "]),
    ("E1127", &["is not a valid file of safetensors: ", "is not a file of NumPy arrays: ", "is not a valid file of Flax: "]),
    ("E1128", &["has no array `", "has no file of safetensors", "has several files of safetensors and not one index"]),
    ("E1129", &["has no checkpoint of step", "of the format of checkpoints, and this library reads"]),
    ("E1130", &[
        "the artifact is damaged: ", "the StableHLO module ", "not a leaf", "the program is malformed: ",
        "tokens are not supported", "values of type `{}` are not supported",
        "a constant {} has {} bytes instead of",
    ]),
    ("E1131", &[
        "the method `Nearest` is not supported", "the norm `Forward` is not supported", "map_coordinates: order",
    ]),
    ("E1132", &["must have a namespace and a name, got", "platform_dependent: {} has two functions"]),
];

/// The code of a message of a kind whose codes begin with `kind`: that of the sentence with the most letters that the
/// message is like.
pub(super) fn code(kind: &str, message: &str) -> Option<&'static str> {
    let ours = CODES.iter().filter(|(code, _)| code.starts_with(kind));
    let sentences = ours.flat_map(|(code, sentences)| sentences.iter().map(move |sentence| (*code, *sentence)));
    let like = sentences.filter(|(_, sentence)| is_like(message, sentence));
    like.max_by_key(|(_, sentence)| letters(sentence)).map(|(code, _)| code)
}

/// Whether a message contains the words of a sentence, in their order.
pub(super) fn is_like(message: &str, sentence: &str) -> bool {
    let mut rest = Some(message);
    sentence.split("{}").for_each(|words| rest = rest.and_then(|text| Some(text.split_once(words)?.1)));
    rest.is_some()
}

/// The number of letters that a sentence states. Of two sentences, the one with more says more.
pub(super) fn letters(sentence: &str) -> usize {
    sentence.split("{}").map(str::len).sum()
}
