using Marrow.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// A weight that a layer quantizes in its forward pass: what is trained is a latent float weight, or, for QKR, the two
/// factors of a product.
/// </summary>
/// <param name="name">Its name from the model's root.</param>
/// <param name="settings">How it is quantized.</param>
/// <param name="size">[out, in].</param>
/// <param name="value">Makes the values that are quantized, [out, …]; the caller owns them.</param>
/// <param name="latent">The trained parameter that has these values, or null for a product.</param>
/// <param name="step">The steps, [out]; null if the method learns none.</param>
/// <param name="frozen">What treatments of oscillation freeze.</param>
public sealed class QuantizedWeight(
    string name, QuantizerSettings settings, (long Out, long In) size, Func<Tensor> value, Parameter? latent,
        Tensor? step, FrozenCodes frozen)
{
    /// <summary>Its name from the model's root.</summary>
    public string Name => name;

    /// <summary>How it is quantized.</summary>
    public QuantizerSettings Settings => settings;

    /// <summary>The trained parameter that has its values, or null for a product.</summary>
    public Parameter? Latent => latent;

    /// <summary>What treatments of oscillation freeze.</summary>
    public FrozenCodes Frozen => frozen;

    /// <summary>[out, in].</summary>
    public (long Out, long In) Size { get; } = size;

    /// <summary>Whether its levels are odd.</summary>
    internal bool IsOdd => Method.IsOdd;

    private WeightMethod Method => step is null ? QuantizerMethods.Base : settings.Method;

    /// <summary>The levels and scales, packed; the caller owns both.</summary>
    public PackedWeight Pack()
    {
        using var noGrad = no_grad();
        return PackedWeight.Of(frozen.Apply(Stored()), settings.Bits, IsOdd);
    }

    /// <summary>The values that are quantized, [out, in], differentiable; the caller owns them.</summary>
    public Tensor Value()
    {
        using var scope = NewDisposeScope();
        var whole = frozen.Apply(value());
        return scope.MoveToOuter(whole.view(whole.size(0), whole.numel() / whole.size(0)));
    }

    /// <summary>The levels u as int8, [out, in]; the caller owns them.</summary>
    public Tensor Levels()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var p = frozen.Apply(Stored());
        return scope.MoveToOuter(IsOdd && !p.IsHalved ? p.Stored.bitwise_right_shift(1) : p.Stored.alias());
    }

    /// <summary>ŵ [out, in]; the caller owns it.</summary>
    public Tensor Quantized()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(frozen.Apply(Stored()).Dequantize(Value().dtype));
    }

    /// <summary>What one level is worth, [out]; the caller owns it.</summary>
    public Tensor LevelWidth()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Method.LevelWidth(Value(), step, settings.Bits));
    }

    /// <summary>
    /// Positions on the grid of levels, [out, in]: a weight's level is its rounded position, and the boundaries lie at
    /// whole numbers and a half. The caller owns them.
    /// </summary>
    public Tensor GridPosition()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Method.GridPosition(Value(), step, settings.Bits));
    }

    private WeightLevels Stored() => Method.Codes(Value().contiguous(), step, settings.Bits);
}
