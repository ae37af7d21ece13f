namespace Marrow;

/// <summary>How LoRA-GA turns gradients into A and B.</summary>
/// <param name="Variant">Whose scaling.</param>
/// <param name="Direction">Which singular triples A and B take.</param>
/// <param name="Scale">How they are scaled.</param>
/// <param name="Gamma">γ of the stable scale.</param>
public sealed record LoraGaOptions(
    LoraGaVariant Variant = LoraGaVariant.Peft,
    LoraGaDirection Direction = LoraGaDirection.ArB2r,
    LoraGaScale Scale = LoraGaScale.Stable,
    double Gamma = 16);

/// <summary>The two published forms of LoRA-GA.</summary>
public enum LoraGaVariant
{
    /// <summary>PEFT's: B carries the singular values, and most scales act on B alone.</summary>
    Peft,

    /// <summary>The authors': neither carries them, and scales act on both.</summary>
    Original,
}

/// <summary>Which singular triples of the gradient A and B take; the rank is r.</summary>
public enum LoraGaDirection
{
    /// <summary>A the first r, B the next r.</summary>
    ArB2r,

    /// <summary>B the first r, A the next r.</summary>
    A2rBr,

    /// <summary>Of the first 2r, B the even and A the odd ones, counted from 0.</summary>
    ArBr,
}

/// <summary>The scale of A and B.</summary>
public enum LoraGaScale
{
    /// <summary>By <c>out^(1/4) / sqrt(γ)</c>, which keeps the output's variance whatever the width and rank.</summary>
    Stable,

    /// <summary>By 1 / s, so that the first step is one of gradient descent.</summary>
    GradientDescent,

    /// <summary>Not at all.</summary>
    Unit,

    /// <summary>By singular values of W.</summary>
    WeightSvd,
}
