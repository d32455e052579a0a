"""The published files' layouts: layer, kind (conv, deconv with its bias; bn), weight shape; a trailing - : no bias."""

from __future__ import annotations

# 39 tensors, 134,271,430 values.
VGG_CLEAR = """
conv1.convs.0 conv 64x3x3x3; conv1.convs.2 conv 64x64x3x3; conv2.convs.0 conv 128x64x3x3;
conv2.convs.2 conv 128x128x3x3; conv3.convs.0 conv 256x128x3x3; conv3.convs.2 conv 256x256x3x3;
conv3.convs.4 conv 256x256x3x3; conv4.convs.0 conv 512x256x3x3; conv4.convs.2 conv 512x512x3x3;
conv4.convs.4 conv 512x512x3x3; conv5.convs.0 conv 512x512x3x3; conv5.convs.2 conv 512x512x3x3;
conv5.convs.4 conv 512x512x3x3; fc6 conv 4096x512x7x7; fc7 conv 4096x4096x1x1; score_fr_r conv 2x4096x1x1;
upscore2_r deconv 2x2x4x4 -; score_pool4.conv conv 2x512x1x1; upscore_pool4_r deconv 2x2x4x4 -;
score_pool3.conv conv 2x256x1x1; upscore8_r deconv 2x2x16x16 -
"""

# 39 tensors, 134,489,759 values.
VGG_OBSTRUCTED = """
conv1.convs.0 conv 64x3x3x3; conv1.convs.2 conv 64x64x3x3; conv2.convs.0 conv 128x64x3x3;
conv2.convs.2 conv 128x128x3x3; conv3.convs.0 conv 256x128x3x3; conv3.convs.2 conv 256x256x3x3;
conv3.convs.4 conv 256x256x3x3; conv4.convs.0 conv 512x256x3x3; conv4.convs.2 conv 512x512x3x3;
conv4.convs.4 conv 512x512x3x3; conv5.convs.0 conv 512x512x3x3; conv5.convs.2 conv 512x512x3x3;
conv5.convs.4 conv 512x512x3x3; fc6 conv 4096x512x7x7; fc7 conv 4096x4096x1x1; score_fr conv 21x4096x1x1;
upscore2 deconv 21x21x4x4 -; score_pool4.conv conv 21x512x1x1; upscore_pool4 deconv 21x21x4x4 -;
score_pool3.conv conv 21x256x1x1; upscore8 deconv 21x21x16x16 -
"""

# 40 tensors, 22,955,617 values.
UNET_DFL = """
features_0.convs.0 conv 64x3x3x3; features_3.convs.0 conv 128x64x3x3; features_8.convs.0 conv 256x128x3x3;
features_8.convs.2 conv 256x256x3x3; features_13.convs.0 conv 512x256x3x3; features_13.convs.2 conv 512x512x3x3;
features_18.convs.0 conv 512x512x3x3; features_18.convs.2 conv 512x512x3x3; dec1.conv conv 512x512x3x3;
dec1.conv_trans deconv 512x256x3x3; dec2.conv conv 512x768x3x3; dec2.conv_trans deconv 512x256x3x3;
dec3.conv conv 512x768x3x3; dec3.conv_trans deconv 512x128x3x3; dec4.conv conv 256x384x3x3;
dec4.conv_trans deconv 256x64x3x3; dec5.conv conv 128x192x3x3; dec5.conv_trans deconv 128x32x3x3;
conv2d_6 conv 64x96x3x3; conv2d_7 conv 1x64x3x3
"""

# 191 tensors, 13,313,119 values.
BISENET = """
cp.resnet.conv1 conv 64x3x7x7 -; cp.resnet.bn1 bn 64; cp.resnet.layer1.0.conv1 conv 64x64x3x3 -;
cp.resnet.layer1.0.bn1 bn 64; cp.resnet.layer1.0.conv2 conv 64x64x3x3 -; cp.resnet.layer1.0.bn2 bn 64;
cp.resnet.layer1.1.conv1 conv 64x64x3x3 -; cp.resnet.layer1.1.bn1 bn 64;
cp.resnet.layer1.1.conv2 conv 64x64x3x3 -; cp.resnet.layer1.1.bn2 bn 64;
cp.resnet.layer2.0.conv1 conv 128x64x3x3 -; cp.resnet.layer2.0.bn1 bn 128;
cp.resnet.layer2.0.conv2 conv 128x128x3x3 -; cp.resnet.layer2.0.bn2 bn 128;
cp.resnet.layer2.0.downsample.0 conv 128x64x1x1 -; cp.resnet.layer2.0.downsample.1 bn 128;
cp.resnet.layer2.1.conv1 conv 128x128x3x3 -; cp.resnet.layer2.1.bn1 bn 128;
cp.resnet.layer2.1.conv2 conv 128x128x3x3 -; cp.resnet.layer2.1.bn2 bn 128;
cp.resnet.layer3.0.conv1 conv 256x128x3x3 -; cp.resnet.layer3.0.bn1 bn 256;
cp.resnet.layer3.0.conv2 conv 256x256x3x3 -; cp.resnet.layer3.0.bn2 bn 256;
cp.resnet.layer3.0.downsample.0 conv 256x128x1x1 -; cp.resnet.layer3.0.downsample.1 bn 256;
cp.resnet.layer3.1.conv1 conv 256x256x3x3 -; cp.resnet.layer3.1.bn1 bn 256;
cp.resnet.layer3.1.conv2 conv 256x256x3x3 -; cp.resnet.layer3.1.bn2 bn 256;
cp.resnet.layer4.0.conv1 conv 512x256x3x3 -; cp.resnet.layer4.0.bn1 bn 512;
cp.resnet.layer4.0.conv2 conv 512x512x3x3 -; cp.resnet.layer4.0.bn2 bn 512;
cp.resnet.layer4.0.downsample.0 conv 512x256x1x1 -; cp.resnet.layer4.0.downsample.1 bn 512;
cp.resnet.layer4.1.conv1 conv 512x512x3x3 -; cp.resnet.layer4.1.bn1 bn 512;
cp.resnet.layer4.1.conv2 conv 512x512x3x3 -; cp.resnet.layer4.1.bn2 bn 512; cp.conv_avg.conv conv 128x512x1x1 -;
cp.conv_avg.bn bn 128; cp.arm32.conv.conv conv 128x512x3x3 -; cp.arm32.conv.bn bn 128;
cp.arm32.conv_atten conv 128x128x1x1 -; cp.arm32.bn_atten bn 128; cp.conv_head32.conv conv 128x128x3x3 -;
cp.conv_head32.bn bn 128; cp.arm16.conv.conv conv 128x256x3x3 -; cp.arm16.conv.bn bn 128;
cp.arm16.conv_atten conv 128x128x1x1 -; cp.arm16.bn_atten bn 128; cp.conv_head16.conv conv 128x128x3x3 -;
cp.conv_head16.bn bn 128; ffm.convblk.conv conv 256x256x1x1 -; ffm.convblk.bn bn 256;
ffm.conv1 conv 64x256x1x1 -; ffm.conv2 conv 256x64x1x1 -; conv_out.conv1.conv conv 256x256x3x3 -;
conv_out.conv1.bn bn 256; conv_out.conv_out conv 19x256x1x1 -; conv_out16.conv1.conv conv 64x128x3x3 -;
conv_out16.conv1.bn bn 64; conv_out16.conv_out conv 19x64x1x1 -; conv_out32.conv1.conv conv 64x128x3x3 -;
conv_out32.conv1.bn bn 64; conv_out32.conv_out conv 19x64x1x1 -
"""
