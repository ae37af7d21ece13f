namespace Marrow.Tool.Planning;

/// <summary>What a model costs before anything of it is loaded.</summary>
/// <param name="Model">The checkpoint.</param>
/// <param name="Architecture">The class.</param>
/// <param name="Method">How it is to be fine-tuned.</param>
/// <param name="Type">The type of its weights.</param>
/// <param name="Batch">Sequences at once.</param>
/// <param name="Length">Tokens of each.</param>
/// <param name="Parameters">All parameters, adapters included.</param>
/// <param name="Trainable">Those that training changes.</param>
/// <param name="Devices">Bytes by device.</param>
internal sealed record MemoryPlan(
    string Model,
    string Architecture,
    string Method,
    string Type,
    int Batch,
    int Length,
    long Parameters,
    long Trainable,
    IReadOnlyDictionary<string, DeviceMemory> Devices);

/// <summary>Bytes on a device.</summary>
/// <param name="Training">Of training.</param>
/// <param name="Inference">Of decoding.</param>
internal sealed record DeviceMemory(TrainingMemory Training, InferenceMemory Inference);

/// <summary>Bytes of training.</summary>
/// <param name="Weights">Parameters; adapters in float32.</param>
/// <param name="Gradients">Gradients of what is trained.</param>
/// <param name="Optimizer">AdamW's two averages, and the copies in float32 of trained weights of 16 bits.</param>
/// <param name="Activations">What layers keep for the backward, and the logits.</param>
/// <param name="Library">libtorch itself: its code and buffers, and CUDA's context.</param>
internal sealed record TrainingMemory(long Weights, long Gradients, long Optimizer, long Activations, long Library)
{
    /// <summary>All together.</summary>
    public long Total => Weights + Gradients + Optimizer + Activations + Library;
}

/// <summary>Bytes of decoding.</summary>
/// <param name="Weights">Parameters, adapters in float32.</param>
/// <param name="Cache">Keys and values of all tokens, or the recurrent state.</param>
/// <param name="Activations">What a pass over the prompt holds at once.</param>
/// <param name="Library">libtorch itself.</param>
internal sealed record InferenceMemory(long Weights, long Cache, long Activations, long Library)
{
    /// <summary>All together.</summary>
    public long Total => Weights + Cache + Activations + Library;
}
