//! A small GPT: a transformer learns to write like Shakespeare, character by character.

mod pictures;

use std::collections::BTreeSet;

use anyhow::Result;
use cotangent::{
    nn::layers::{Embedding, LayerNorm, Linear, MultiHeadAttention, RotaryEmbedding},
    nn::{self, Attention},
    optim,
    optim::losses::softmax_cross_entropy_with_integer_labels,
    prelude::*,
};

use super::notebook::Notebook;
use super::values::shown;
use super::{Demo, SCIENCE};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "small-gpt",
    chapter: SCIENCE,
    summary: "a transformer of two blocks reads an act of Shakespeare, and writes more of it",
    seconds: 15,
    source: include_str!("mod.rs"),
    run,
    functions,
};

/// The first act and a half of "Coriolanus", 48 kB.
const TEXT: &str = include_str!("coriolanus.txt");

/// How many characters the model sees at once.
const LENGTH: usize = 32;

fn alphabet() -> Vec<char> {
    let different: BTreeSet<char> = TEXT.chars().collect();
    different.into_iter().collect()
}

fn encode(alphabet: &[char]) -> Array {
    let place = |c: char| alphabet.binary_search(&c).expect("the alphabet is that of the text") as i32;
    Array::from(TEXT.chars().map(place).collect::<Vec<_>>())
}

fn decode(alphabet: &[char], tokens: &Array) -> String {
    tokens.to_vec::<i32>().into_iter().map(|i| alphabet[i as usize]).collect()
}

#[derive(Clone, Tree)]
struct Block {
    before_attention: LayerNorm,
    attention: MultiHeadAttention,
    before_layers: LayerNorm,
    hidden: Linear,
    output: Linear,
}

fn block(key: &Key) -> Block {
    let [a, b, c] = key.clone().split();
    Block {
        before_attention: LayerNorm::new(64),
        attention: MultiHeadAttention::builder(64, 4).rotary(RotaryEmbedding::new(16).theta(100.0)).build(a),
        before_layers: LayerNorm::new(64),
        hidden: Linear::new(b, 64, 256),
        output: Linear::new(c, 256, 64),
    }
}

fn apply(block: &Block, x: &Array) -> Array {
    let x = x + block.attention.call(block.before_attention.call(x), &Attention::new().causal());
    let hidden = nn::gelu(block.hidden.call(block.before_layers.call(&x)));
    x + block.output.call(hidden)
}

#[derive(Clone, Tree)]
struct Gpt {
    tokens: Embedding,
    blocks: Block,
    norm: LayerNorm,
}

fn gpt(key: Key, characters: usize) -> Gpt {
    let [a, b] = key.split();
    Gpt {
        tokens: Embedding::new(a, characters, 64),
        blocks: vmap(block)(&random::split(b, 2)),
        norm: LayerNorm::new(64),
    }
}

fn logits(gpt: &Gpt, tokens: &Array) -> Array {
    let x = gpt.tokens.call(tokens);
    let (x, ()) = lax::scan(|x: Array, block: Block| (apply(&block, &x), ()), x, &gpt.blocks);
    gpt.tokens.attend(gpt.norm.call(x))
}

fn loss(gpt: &Gpt, windows: &Array) -> Array {
    let one = |gpt: &Gpt, window: &Array| {
        let (seen, next) = (window.at(..-1).get(), window.at(1..).get());
        softmax_cross_entropy_with_integer_labels(logits(gpt, &seen), next).mean()
    };
    vmap(one).in_axes((None, 0))(gpt, windows).mean()
}

fn write(gpt: &Gpt, prompt: &Array, temperature: &Array, key: &Key) -> Array {
    let next = |window: Array, key: Key| {
        let last = logits(gpt, &window).at(-1).get();
        let token = random::categorical(key, last / temperature);
        (np::append(window.at(1..).get(), &token), token)
    };
    let (_, tokens) = lax::scan(next, prompt.clone(), &random::split(key.clone(), 240));
    tokens
}

fn attention_weights(attention: &MultiHeadAttention, x: &Array) -> Array {
    let places = np::arange(LENGTH as i32);
    let heads = |map: &Linear| {
        let parts = map.call(x).reshape((LENGTH, 4, 16));
        attention.rotary.iter().fold(parts, |parts, rotary| rotary.call(parts, &places))
    };
    let products = np::einsum("ihf,jhf->hij", [heads(&attention.query), heads(&attention.key)]);
    let past = np::tril(np::ones_as((LENGTH, LENGTH), DType::Bool));
    nn::softmax(np::where_(past, products / 4.0, f32::NEG_INFINITY), -1)
}

fn all_attention(gpt: &Gpt, tokens: &Array) -> Array {
    let through = |x: Array, block: Block| {
        let weights = attention_weights(&block.attention, &block.before_attention.call(&x));
        (apply(&block, &x), weights)
    };
    let (_, weights) = lax::scan(through, gpt.tokens.call(tokens), &gpt.blocks);
    weights
}

/// The fraction of the words that are words of the text, the first and the last left out, as they may be cut.
fn known_words(text: &str) -> f64 {
    fn words(text: &str) -> Vec<&str> {
        text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect()
    }
    let known: BTreeSet<&str> = words(TEXT).into_iter().collect();
    let written = words(text);
    let whole = &written[1..written.len() - 1];
    whole.iter().filter(|word| known.contains(*word)).count() as f64 / whole.len() as f64
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "A language model computes probabilities of the next token from the tokens so far. Large ones are transformers \
         of hundreds of blocks that read a good part of what people have written. This one has two blocks, its tokens \
         are characters, and it has read an act and a half of one play. Everything else is the same.",
    )?;

    nb.heading("The text")?;
    nb.text(
        "Shakespeare's \"Coriolanus\" is part of the binary. A character is a token: its number is its place in the \
         alphabet of the text. The last tenth is set aside for testing.",
    )?;
    nb.cell(&["TEXT", "alphabet", "encode", "decode"])?;
    let alphabet = alphabet();
    let tokens = encode(&alphabet);
    let (text, test) = (tokens.at(..43_000).get(), tokens.at(43_000..).get());

    nb.value("characters", "different characters", alphabet.len())?;
    nb.value("length", "characters in all", tokens.size())?;
    nb.value("first", "the first eight tokens", shown(&text.at(..8).get()))?;
    nb.value("decoded", "decoded", decode(&alphabet, &text.at(..8).get()))?;

    nb.heading("The model")?;
    nb.text(
        "Each token becomes a vector of 64 numbers. A block changes the vectors in two steps, and each step adds to \
         what is there: attention lets a vector collect from those before it, and two linear layers then work on each \
         vector alone. Without rotary embeddings, attention could not tell near from far: they turn queries and keys by \
         angles that depend on their positions, so that their products depend on the distance.",
    )?;
    nb.text(
        "All blocks have the same structure. So `vmap` creates them from as many keys, as one `Block` whose arrays have \
         a leading axis, and `scan` applies them one after the other. The block is traced and compiled once, however \
         many there are. At the end, the products with all vectors of the alphabet are the logits of the next token.",
    )?;
    nb.cell(&["LENGTH", "Block", "block", "apply", "Gpt", "gpt", "logits"])?;
    let [gpt_key, train_key, write_key] = random::key(1).split();
    let start = gpt(gpt_key, alphabet.len());
    let prompt = test.at(..LENGTH).get();
    let guess = jit(logits)(&start, &prompt);
    let count: usize = tree::leaves(&start).iter().map(Array::size).sum();

    nb.value("count", "parameters", count)?;
    nb.value("guess_shape", "shape of the logits", guess.shape().to_vec())?;
    nb.value("guess", "the first logits", shown(&guess.at((0, ..4)).get()))?;

    nb.heading("The loss")?;
    nb.text(
        "A window of 33 characters has 32 questions: what follows the first, what follows the first two, and so on. The \
         mask of causal attention keeps the answers out of sight, so one pass answers all questions. A model that has \
         learned nothing should be as good as a guess among 59, with a loss of log 59 = 4.08, or somewhat worse.",
    )?;
    nb.cell(&["loss"])?;
    let windows = |text: &Array, starts: &Array| text.at(starts.expand_dims(1) + np::arange(33)).get();
    let held_out = windows(&test, &np::arange((0, 4800, 32)));
    let test_loss = jit(loss);
    let before = test_loss(&start, &held_out);

    nb.value("windows_shape", "windows held out", held_out.shape().to_vec())?;
    nb.value("loss_before", "their loss before training", shown(&before))?;

    nb.heading("Writing")?;
    nb.text(
        "To write, draw the next character from the probabilities, append it, and repeat. The logits are divided by a \
         temperature first: a low one makes the likely characters likelier, and a high one gives all a chance. Each \
         draw has a key of its own, split from one key, so the same key always writes the same text.",
    )?;
    nb.cell(&["write"])?;
    let write = jit(write);
    let nonsense = write(&start, &prompt, &np::array(1.0), &write_key);
    let nonsense = decode(&alphabet, &nonsense);

    nb.value("nonsense", "before training", nonsense[..40].to_owned())?;

    nb.heading("Training")?;
    nb.text(
        "A step draws 32 windows from the text and applies Adam, with a rate that falls along a cosine. Fifty steps are \
         one `scan` and one program, and the drawing of the windows is part of it. After each such call, the loss on the \
         text that was set aside shows whether the model learns the language or only the text.",
    )?;
    nb.cell(&[])?;
    let optimizer = optim::adam(optim::cosine_decay_schedule(0.005, 600)).b2(0.99);
    let mut state = optimizer.init(&start);
    let train = jit(move |gpt: Gpt, state: _, text: &Array, keys: &Key| {
        let step = |(gpt, state): (Gpt, _), key: Key| {
            let starts = random::randint(key, 32, 0, 43_000 - 32);
            let (loss, slope) = value_and_grad(loss)(&gpt, &windows(text, &starts));
            (optimizer.apply(&gpt, &slope, &state), loss)
        };
        let ((gpt, state), losses) = lax::scan(step, (gpt, state), keys);
        (gpt, state, losses)
    });
    let keys = random::split(train_key, (12, 50));
    let (mut gpt, mut losses, mut test_losses) = (start.clone(), Vec::new(), vec![before]);
    for i in nb.steps("training, fifty each", 12) {
        let fifty;
        (gpt, state, fifty) = train(gpt, state, &text, &keys.at(i as usize));
        losses.push(fifty);
        test_losses.push(test_loss(&gpt, &held_out));
    }
    let (losses, test_losses) = (np::concatenate(&losses, 0), np::stack(&test_losses, 0));

    nb.value("losses", "losses at 0, 5, 20", shown(&losses.at(np::array([0, 5, 20])).get()))?;
    nb.value("late_losses", "at 100 and 500", shown(&losses.at(np::array([100, 500])).get()))?;
    nb.value("test_losses", "test loss at the start, after 50 and 600", {
        shown(&test_losses.at(np::array([0, 1, 12])).get())
    })?;

    if nb.wants_pictures() {
        nb.picture("training", pictures::training(&losses, &test_losses))?;
    }

    nb.heading("What it writes")?;
    nb.text(
        "The same prompt, the last 32 characters before the part that was set aside, and the same key at three \
         temperatures. `vmap` maps the whole loop of drawing over them.",
    )?;
    nb.cell(&["known_words"])?;
    let prompt = text.at(-32..).get();
    let temperatures = np::array([0.3, 0.7, 1.2]);
    let written = vmap(write).in_axes((None, None, 0, None))(&gpt, &prompt, &temperatures, &write_key);
    let texts: Vec<String> = written.iter().map(|tokens| decode(&alphabet, &tokens)).collect();
    let known: Vec<f64> = texts.iter().map(|text| known_words(text)).collect();

    nb.value("prompt", "the prompt", decode(&alphabet, &prompt))?;
    nb.value("written_shape", "shape of what is written", written.shape().to_vec())?;
    nb.value("known", "more than half of the words exist at 0.3 and 0.7", known[0] > 0.5 && known[1] > 0.5)?;
    nb.value("fewer", "and fewer at 1.2", known[2] < known[0])?;
    if nb.wants_pictures() {
        for (temperature, text) in ["0.3", "0.7", "1.2"].iter().zip(&texts) {
            nb.text(&format!("At temperature {temperature}:"))?;
            nb.plain(text.trim())?;
        }
    }
    nb.text(
        "In a few seconds the model has found the form of a play, names in capitals and a colon after them, short lines, \
         and how most words are spelled. It knows nothing of what they mean. At a low temperature it repeats what is \
         frequent, and at a high one it invents words.",
    )?;

    nb.heading("Where it looks")?;
    nb.text(
        "The layer does not return its weights, but its maps are fields, so a few lines compute them. Row by row, they \
         say from which of the characters so far a character collects, in each head of each block. A row sums to one.",
    )?;
    nb.cell(&["attention_weights", "all_attention"])?;
    let all_attention = jit(all_attention);
    let (untrained, weights) = (all_attention(&start, &prompt), all_attention(&gpt, &prompt));

    nb.value("weights_shape", "blocks, heads, characters, characters", weights.shape().to_vec())?;
    let sums = weights.sum_axis(-1);
    nb.value("weights_sum", "rows sum to one", (sums - 1.0).abs().max().item::<f64>() < 1e-5)?;
    let third = untrained.at((.., 0, 2, ..3)).get();
    nb.value("untrained", "the first heads before training, for the third character", shown(&third))?;
    if nb.wants_pictures() {
        nb.picture("attention", pictures::attention(&weights, &decode(&alphabet, &prompt)))?;
        nb.picture("heads", pictures::heads(&weights))?;
    }
    nb.text(
        "Before training, a head looks at all characters nearly alike. After it, each head prefers one of the last few, \
         and which one depends on the characters themselves: that is how the model spells. Nobody told it to.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let args = (gpt(random::key(0), 59), np::zeros_as((32, 33), DType::I32));
    vec![Function::new("gpt", "the loss of a transformer of two blocks", loss, grad(loss), args)]
}
