"""derivatives.json: complex gradients, and Jacobians and Hessians of trees. The names are those of the tests' functions."""

from common import *

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp

cases = []
Z = np.array([0.5 + 1.25j, -0.75 + 0.5j, 1.5 - 0.25j])
X = np.array([0.5, -1.25, 2.0])
Y = np.array([1.5, 0.25])


def case(name, out):
    cases.append({"name": name, "outputs": [array(x) for x in jax.tree.leaves(out)]})


# --- complex ------------------------------------------------------------------------------------

def square_modulus(z): return jnp.sum(jnp.abs(z) ** 2)
def mixed(z): return jnp.sum(jnp.real(z * z) * jnp.imag(jnp.exp(z)) + jnp.abs(z))
def parts(z): return jnp.sum(jnp.real(z) * 3 - jnp.imag(z) ** 2)
def through_conj(z): return jnp.sum(jnp.real(jnp.conj(z) * jnp.sin(z)))
def entire(z): return jnp.sum(jnp.exp(z) * z ** 3 + jnp.sin(z))
def vector(z): return jnp.exp(z) * jnp.sum(z * z)
def rotate(x): return jnp.exp(1j * x) * jnp.sum(x)
T = np.array([0.25 - 0.5j, 1.0 + 0.75j, -0.5 + 0j])

for f in (square_modulus, mixed, parts, through_conj):
    case(f"grad {f.__name__}", jax.grad(f)(Z))
    case(f"value_and_grad {f.__name__}", jax.value_and_grad(f)(Z))
    case(f"jvp {f.__name__}", jax.jvp(f, (Z,), (T,)))
    case(f"jacrev {f.__name__}", jax.jacrev(f)(Z))
case("holomorphic grad", jax.grad(entire, holomorphic=True)(Z))
case("holomorphic value_and_grad", jax.value_and_grad(entire, holomorphic=True)(Z))
case("holomorphic grad of grad", jax.grad(lambda z: jnp.sum(jax.grad(entire, holomorphic=True)(z) * T), holomorphic=True)(Z))
case("holomorphic hessian", jax.hessian(entire, holomorphic=True)(Z))
case("holomorphic jacfwd", jax.jacfwd(vector, holomorphic=True)(Z))
case("holomorphic jacrev", jax.jacrev(vector, holomorphic=True)(Z))
case("jvp vector", jax.jvp(vector, (Z,), (T,)))
case("vjp vector", jax.vjp(vector, Z)[1](T))
case("jvp rotate", jax.jvp(rotate, (X,), (Y[0] * X,)))
case("vjp rotate", jax.vjp(rotate, X)[1](T))
case("jacfwd rotate", jax.jacfwd(rotate)(X))
case("grad of a real argument", jax.grad(lambda x: jnp.sum(jnp.abs(rotate(x) + 2)))(X))

# --- trees --------------------------------------------------------------------------------------

def tree(p): return (p[0] * jnp.sum(p[1]), [jnp.outer(p[0], p[1]), jnp.sum(jnp.sin(p[0]))])
def pair(x, y): return jnp.outer(jnp.sin(x), y ** 2)
def scalar(p): return jnp.sum(jnp.sin(p[0])) * jnp.sum(p[1] ** 3) + jnp.sum(p[0] ** 2)
def scalar2(x, y): return jnp.sum(jnp.sin(x)) * jnp.sum(y ** 3)
P = (X, Y)
for name, jac in {"jacfwd": jax.jacfwd, "jacrev": jax.jacrev}.items():
    case(f"{name} tree", jac(tree)(P))
    case(f"{name} pair", jac(pair)(X, Y))
    case(f"{name} pair 1", jac(pair, argnums=1)(X, Y))
    case(f"{name} pair 0 1", jac(pair, argnums=(0, 1))(X, Y))
    case(f"{name} pair 1 0", jac(pair, argnums=(1, 0))(X, Y))
    case(f"{name} aux", jac(lambda x: (x ** 3, (x + 1, jnp.sum(x))), has_aux=True)(X))
    case(f"{name} constant", jac(lambda p: (p[0] * 2, jnp.ones(2)))(P))
    case(f"{name} vmap", jax.vmap(jac(lambda x: x * jnp.sum(x)))(np.stack([X, 2 * X])))
case("hessian tree", jax.hessian(scalar)(P))
case("hessian argnums", jax.hessian(scalar2, argnums=(0, 1))(X, Y))
case("hessian of a vector", jax.hessian(lambda x: x ** 3 * jnp.sum(x))(X))
case("linear_transpose", jax.linear_transpose(lambda p: (jnp.outer(p[0], Y), 2 * p[1]), P)((np.ones((3, 2)), Y)))

write(__file__, {"cases": cases})
