using Marrow.Adapters;
using Marrow.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Operations;

/// <summary>
/// A part of a model's state that is no adapter's, as a checkpoint holds it: what is packed here is floats there.
/// </summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Owner">The module that holds it.</param>
/// <param name="Key">Its name there.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Like">Has its type, and lies where it lies.</param>
/// <param name="State">The tensor; null if it is packed.</param>
internal sealed record BaseWeight(
    string Name, nn.Module Owner, string Key, long[] Shape, Tensor Like, StateTensor? State)
{
    /// <summary>All of a model, packed ones last.</summary>
    public static IReadOnlyList<BaseWeight> Of(IModel model) =>
    [
        .. from tensor in StateTensor.Of(model)
           where !tensor.IsOfAdapter
               && !(tensor.Owner is Linear { HasPackedBase: true }
                   && tensor.Key.StartsWith("weight.", StringComparison.Ordinal))
           select new BaseWeight(
               tensor.Name, tensor.Owner, tensor.Key, tensor.Value.shape, tensor.Value, tensor),
        .. from pair in model.Module.named_modules()
           let linear = pair.module as Linear
           where linear is { HasPackedBase: true }
           select new BaseWeight(
               $"{pair.name}.weight", linear, "weight", [linear.OutFeatures, linear.InFeatures],
               linear.GetParameter("weight.scale"), null),
    ];

    /// <summary>Its layer, if it is one of Marrow's own.</summary>
    public Layer? Layer => Owner as Layer;

    /// <summary>Whether a checkpoint may lack it: a quantizer's steps start from the first input.</summary>
    public bool IsOptional => Layer?.QuantizerParameters.Contains(Key) == true;

    /// <summary>Whether it belongs to an output head.</summary>
    public bool IsOfHead => Owner is Linear { IsHead: true };

    /// <summary>Number of its rows.</summary>
    public long Rows => Shape.Length == 0 ? 1 : Shape[0];

    /// <summary>Its element type in a checkpoint.</summary>
    public ScalarType Type => Like.dtype;

    /// <summary>Whether it has no values.</summary>
    public bool IsMeta => Like.device_type == DeviceType.META;

    /// <summary>Its values without adapters that are not merged.</summary>
    public Tensor Value() => State switch
    {
        null => ((Linear)Owner).UnpackedBase(),
        { Owner: IAdaptedLayer { Adaptation: { IsMerged: false } adapter }, Key: "weight" } => adapter.BaseWeight(),
        _ => State.Value,
    };

    /// <summary>The name of another tensor of the same layer.</summary>
    public string Sibling(string key) => Name[..^Key.Length] + key;
}
