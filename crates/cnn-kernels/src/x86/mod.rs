//! The kernels of `generic/`, and the plain loops of `scalar/` that the compiler vectorises by itself, instantiated for
//! the vector instructions of x86-64.
#![expect(
    unsafe_code,
    reason = "intrinsics that load and store, and calls from code that is compiled for any processor"
)]
#![cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "the intrinsics carry their own long prefix")
)]

pub(crate) mod avx2;
pub(crate) mod avx512;

/// Makes each listed function callable from ordinary code: `name(proof, arguments…)`.
///
/// `simd` functions are generic over [`crate::simd::Simd`] and get the proof as their first argument; `plain` ones don't.
macro_rules! instantiate {
    ($token:ident, $features:literal; $($kind:ident fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $path:path;)*) => {$(
        pub(crate) fn $name(proof: $token, $($arg: $type),*) $(-> $result)? {
            #[target_feature(enable = $features)]
            fn inner(proof: $token, $($arg: $type),*) $(-> $result)? {
                $crate::x86::instantiate!(@$kind $path, proof, $($arg),*)
            }
            // SAFETY: `proof` can only be made on a processor that has these features.
            unsafe { inner(proof, $($arg),*) }
        }
    )*};
    (@simd $path:path, $proof:ident, $($arg:ident),*) => { $path($proof, $($arg),*) };
    (@plain $path:path, $proof:ident, $($arg:ident),*) => {{ let _ = $proof; $path($($arg),*) }};
}
pub(crate) use instantiate;

/// The list of kernels, for one instruction set.
macro_rules! kernels {
    ($token:ident, $features:literal) => {
        use $crate::batch_norm::Normal;
        use $crate::conv::ConvGeometry;
        use $crate::max_pool::PoolGeometry;
        use $crate::normalize::Groups;
        $crate::x86::instantiate! { $token, $features;
            simd fn conv_forward(g: &ConvGeometry, x: &[f32], kernel: &[f32], bias: &[f32], relu: bool, y: &mut [f32]) = $crate::generic::conv::forward::<_, false>;
            simd fn depthwise_forward(g: &ConvGeometry, x: &[f32], kernel: &[f32], bias: &[f32], relu: bool, y: &mut [f32]) = $crate::generic::depthwise::forward;
            simd fn depthwise_backward_input(g: &ConvGeometry, packed: &[f32], dz: &[f32], dx: &mut [f32]) = $crate::generic::depthwise::backward_input;
            simd fn depthwise_backward_kernel(g: &ConvGeometry, x: &[f32], dz: &[f32], dkernel: &mut [f32]) = $crate::generic::depthwise::backward_kernel;
            simd fn conv_forward_max_pool(g: &ConvGeometry, p: &PoolGeometry, x: &[f32], kernel: &[f32], bias: &[f32], relu: bool, y: &mut [f32], argmax: &mut [u16], scratch: &mut [f32]) = $crate::generic::conv_pool::forward;
            simd fn conv_backward_pooled_parameters(g: &ConvGeometry, p: &PoolGeometry, relu: bool, x: &[f32], y: &[f32], dy: &[f32], argmax: &[u16], dkernel: &mut [f32], dbias: &mut [f32], scratch: &mut [f32]) = $crate::generic::conv_pool::backward_parameters;
            simd fn conv_backward_pooled_input(g: &ConvGeometry, p: &PoolGeometry, relu: bool, packed: &[f32], y: &[f32], dy: &[f32], argmax: &[u16], dx: &mut [f32], scratch: &mut [f32]) = $crate::generic::conv_pool::backward_image;
            simd fn conv_backward_input(g: &ConvGeometry, packed: &[f32], dz: &[f32], dx: &mut [f32]) = $crate::generic::conv::backward_input::<_, false>;
            simd fn conv_backward_kernel(g: &ConvGeometry, x: &[f32], dz: &[f32], dkernel: &mut [f32]) = $crate::generic::conv::backward_kernel;
            simd fn max_pool_forward(p: &PoolGeometry, x: &[f32], y: &mut [f32], argmax: &mut [u16]) = $crate::generic::max_pool::forward;
            simd fn max_pool_backward(p: &PoolGeometry, y: &[f32], dy: &[f32], relu: bool, argmax: &[u16], dx: &mut [f32]) = $crate::generic::max_pool::backward;
            simd fn dense_forward(n_in: usize, n_out: usize, batch: &[(&[f32], &[f32])], columns: std::ops::Range<usize>, kernel: &[f32], bias: &[f32], y: &mut [f32]) = $crate::generic::dense::forward;
            simd fn dense_backward_input(n_in: usize, n_out: usize, kernel: &[f32], dz: &[f32], dx: &mut [f32]) = $crate::generic::dense::backward_input;
            simd fn dense_backward_kernel(n_in: usize, n_out: usize, batch: &[(&[f32], &[f32])], rows: std::ops::Range<usize>, dkernel: &mut [f32]) = $crate::generic::dense::backward_kernel;
            plain fn average_pool_forward(p: &PoolGeometry, x: &[f32], y: &mut [f32]) = $crate::scalar::average_pool::forward;
            plain fn average_pool_backward(p: &PoolGeometry, dy: &[f32], dx: &mut [f32]) = $crate::scalar::average_pool::backward;
            plain fn backward_bias(dz: &[f32], dbias: &mut [f32]) = $crate::scalar::dense::backward_bias;
            plain fn relu(x: &mut [f32]) = $crate::scalar::activation::relu;
            plain fn relu_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::relu_backward;
            plain fn sigmoid(x: &mut [f32]) = $crate::scalar::activation::sigmoid;
            plain fn sigmoid_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::sigmoid_backward;
            plain fn tanh(x: &mut [f32]) = $crate::scalar::activation::tanh;
            plain fn tanh_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::tanh_backward;
            plain fn elu(scale: f32, below: f32, x: &mut [f32]) = $crate::scalar::activation::elu;
            plain fn elu_backward(scale: f32, below: f32, y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::elu_backward;
            plain fn exponential(x: &mut [f32]) = $crate::scalar::activation::exponential;
            plain fn exponential_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::exponential_backward;
            plain fn hard_sigmoid(x: &mut [f32]) = $crate::scalar::activation::hard_sigmoid;
            plain fn hard_sigmoid_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::hard_sigmoid_backward;
            plain fn leaky_relu(slope: f32, x: &mut [f32]) = $crate::scalar::activation::leaky_relu;
            plain fn leaky_relu_backward(slope: f32, y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::leaky_relu_backward;
            plain fn relu6(x: &mut [f32]) = $crate::scalar::activation::relu6;
            plain fn relu6_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::relu6_backward;
            plain fn softplus(x: &mut [f32]) = $crate::scalar::activation::softplus;
            plain fn softplus_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::softplus_backward;
            plain fn softsign(x: &mut [f32]) = $crate::scalar::activation::softsign;
            plain fn softsign_backward(y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::softsign_backward;
            plain fn gelu(x: &mut [f32]) = $crate::scalar::activation::gelu;
            plain fn gelu_backward(x: &[f32], dy: &mut [f32]) = $crate::scalar::activation::gelu_backward;
            plain fn hard_silu(x: &mut [f32]) = $crate::scalar::activation::hard_silu;
            plain fn hard_silu_backward(x: &[f32], dy: &mut [f32]) = $crate::scalar::activation::hard_silu_backward;
            plain fn mish(x: &mut [f32]) = $crate::scalar::activation::mish;
            plain fn mish_backward(x: &[f32], dy: &mut [f32]) = $crate::scalar::activation::mish_backward;
            plain fn silu(x: &mut [f32]) = $crate::scalar::activation::silu;
            plain fn silu_backward(x: &[f32], dy: &mut [f32]) = $crate::scalar::activation::silu_backward;
            plain fn softmax(classes: usize, x: &mut [f32]) = $crate::scalar::activation::softmax;
            plain fn softmax_backward(classes: usize, y: &[f32], dy: &mut [f32]) = $crate::scalar::activation::softmax_backward;
            plain fn softmax_cross_entropy(classes: usize, logits: &[f32], labels: &[u32], scale: f32, dlogits: &mut [f32]) -> (f64, usize) = $crate::scalar::loss::softmax_cross_entropy;
            plain fn softmax_cross_entropy_mixed(classes: usize, logits: &[f32], labels: &[u32], partners: &[u32], shares: &[f32], scale: f32, dlogits: &mut [f32]) -> (f64, usize) = $crate::scalar::loss::softmax_cross_entropy_mixed;
            plain fn add_penalty(l1: f32, l2: f32, w: &[f32], g: &mut [f32]) = $crate::scalar::update::add_penalty;
            plain fn sgd(lr: f32, w: &mut [f32], g: &[f32]) = $crate::scalar::update::sgd;
            plain fn sgd_momentum(lr: f32, momentum: f32, nesterov: bool, w: &mut [f32], g: &[f32], v: &mut [f32]) = $crate::scalar::update::sgd_momentum;
            plain fn decay(rate: f32, w: &mut [f32]) = $crate::scalar::update::decay;
            plain fn adagrad(lr: f32, initial: f32, epsilon: f32, w: &mut [f32], g: &[f32], a: &mut [f32]) = $crate::scalar::update::adagrad;
            plain fn lion(lr: f32, beta_1: f32, beta_2: f32, rests: [f32; 2], w: &mut [f32], g: &[f32], m: &mut [f32]) = $crate::scalar::update::lion;
            plain fn nadam(factors: [f32; 3], rests: [f32; 2], epsilon: f32, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) = $crate::scalar::update::nadam;
            plain fn rmsprop(lr: f32, rhos: [f32; 2], momentum: f32, epsilon: f32, w: &mut [f32], g: &[f32], velocity: &mut [f32], average: &mut [f32], moved: &mut [f32]) = $crate::scalar::update::rmsprop;
            plain fn adam(alpha: f32, rest_1: f32, rest_2: f32, epsilon: f32, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) = $crate::scalar::update::adam;
            plain fn normalize_forward(g: &Groups, epsilon: f32, gamma: &[f32], beta: &[f32], x: &[f32], y: &mut [f32]) = $crate::scalar::normalize::forward;
            plain fn normalize_backward(g: &Groups, epsilon: f32, gamma: &[f32], x: &[f32], dy: &[f32], dx: &mut [f32]) = $crate::scalar::normalize::backward;
            plain fn normalize_backward_parameters(g: &Groups, epsilon: f32, x: &[f32], dy: &[f32], dgamma: &mut [f32], dbeta: &mut [f32]) = $crate::scalar::normalize::backward_parameters;
            plain fn batch_norm_measure(x: &[f32], mean: &mut [f32], squares: &mut [f32]) = $crate::scalar::batch_norm::measure;
            plain fn batch_norm_forward(normal: Normal<'_>, relu: bool, x: &[f32], y: &mut [f32]) = $crate::scalar::batch_norm::forward;
            plain fn batch_norm_backward_parameters(normal: Normal<'_>, x: &[f32], dy: &[f32], dgamma: &mut [f32], dbeta: &mut [f32]) = $crate::scalar::batch_norm::backward_parameters;
            plain fn batch_norm_backward(normal: Normal<'_>, share: f32, dgamma: &[f32], dbeta: &[f32], x: &[f32], dy: &[f32], dx: &mut [f32]) = $crate::scalar::batch_norm::backward;
            plain fn gate_forward(channels: usize, x: &[f32], gates: &[f32], y: &mut [f32]) = $crate::scalar::gate::forward;
            plain fn gate_backward_input(channels: usize, gates: &[f32], dy: &[f32], dx: &mut [f32]) = $crate::scalar::gate::backward_input;
            plain fn gate_backward_gates(channels: usize, x: &[f32], dy: &[f32], dgates: &mut [f32]) = $crate::scalar::gate::backward_gates;
            simd fn multiply_adds(rounds: usize) -> (u64, f32) = $crate::generic::peak::multiply_adds;
            plain fn add(a: &[f32], b: &[f32], y: &mut [f32]) = $crate::scalar::reduce::add;
            plain fn add_assign(acc: &mut [f32], x: &[f32]) = $crate::scalar::reduce::add_assign;
            plain fn sum_f64(x: &[f32]) -> f64 = $crate::scalar::reduce::sum_f64;
            plain fn sum_squares_f64(x: &[f32]) -> f64 = $crate::scalar::reduce::sum_squares_f64;
            plain fn sum_abs_f64(x: &[f32]) -> f64 = $crate::scalar::reduce::sum_abs_f64;
            plain fn u8_to_f32(bytes: &[u8], scale: f32, out: &mut [f32]) = $crate::scalar::convert::u8_to_f32;
            plain fn u8_to_unit(bytes: &[u8], out: &mut [f32]) = $crate::scalar::convert::u8_to_unit;
        }
    };
}
pub(crate) use kernels;
