using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>What an MLP puts between its layers.</summary>
public enum Activation
{
    /// <summary><c>x · sigmoid(x)</c>: "silu" or "swish".</summary>
    Silu,

    /// <summary><c>x · Φ(x)</c> with the normal distribution's Φ: "gelu".</summary>
    Gelu,

    /// <summary>The same by tanh: "gelu_pytorch_tanh" or "gelu_new".</summary>
    GeluTanh,

    /// <summary><c>max(x, 0)</c>: "relu".</summary>
    Relu,
}

/// <summary>Activations as functions, and their names in config.json.</summary>
internal static class Activations
{
    /// <summary>Applies it.</summary>
    public static Tensor Apply(this Activation activation, Tensor x) => activation switch
    {
        Activation.Silu => silu(x),
        Activation.Gelu => gelu(x),
        Activation.GeluTanh => gelu(x, GELU.Approximate.tanh),
        _ => relu(x),
    };

    /// <summary><c>activation(gate) · up</c>.</summary>
    public static Tensor Gate(this Activation activation, Tensor gate, Tensor up) => activation switch
    {
        Activation.Silu => GatedUnit.Silu(gate, up),
        Activation.GeluTanh => GatedUnit.GeluTanh(gate, up),
        _ => activation.Apply(gate) * up,
    };

    /// <summary>The name that Hugging Face's libraries give it.</summary>
    public static string Name(this Activation activation) => activation switch
    {
        Activation.Silu => "silu",
        Activation.Gelu => "gelu",
        Activation.GeluTanh => "gelu_pytorch_tanh",
        _ => "relu",
    };

    /// <summary>Reads a name.</summary>
    /// <exception cref="ConfigurationException">It is not known.</exception>
    public static Activation Read(ConfigurationFields config, string field, Activation standard) =>
        config.Text(field) switch
        {
            null => standard,
            "silu" or "swish" => Activation.Silu,
            "gelu" => Activation.Gelu,
            "gelu_pytorch_tanh" or "gelu_new" or "gelu_fast" => Activation.GeluTanh,
            "relu" => Activation.Relu,
            var other => throw new ConfigurationException(
                $"{field} is {CheckpointException.Quote(other)}", "silu, gelu, gelu_pytorch_tanh, gelu_new and relu"),
        };
}
